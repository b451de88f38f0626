package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/imagegate/imagegate/gate/scan"
	"github.com/imagegate/imagegate/gate/scan/estate"
)

// scanProgress tells how far a scan is: on a terminal in lines that are rewritten in
// place, elsewhere by a line now and then. It implements scan.Collector.
type scanProgress struct {
	shared  *shared
	display *display
	lines   *lines
	began   time.Time

	mu     sync.Mutex
	told   time.Time
	counts scan.Counts
	past   []moment // of the last minute, for the rate
	slots  map[string]slot
}

// moment is how much was judged when.
type moment struct {
	at     time.Time
	counts scan.Counts
}

// slot is one of a worker's, and since when, by this machine's clock.
type slot struct {
	scan.Activity

	since time.Time
}

const (
	// plainEvery is how often a plain line is written.
	plainEvery = 10 * time.Second
	// rateOver is the time over which the rate is told.
	rateOver = time.Minute
	// maxSlots bounds the lines of workers, whoever sends them.
	maxSlots = 64
	// forgetSlot is when a worker that says nothing is not shown any more.
	forgetSlot = 15 * time.Minute
)

func (f *scanFlags) newScanProgress(l *lines) *scanProgress {
	p := &scanProgress{shared: f.shared, display: f.newDisplay(), lines: l, began: time.Now(), told: time.Now(), slots: map[string]slot{}}
	p.display.headed(p.screen)
	return p
}

// Record implements scan.Collector.
func (p *scanProgress) Record(r estate.Record) error {
	if isTerminal(p.shared.console.out) {
		return p.display.aside(func() error { return p.lines.write(r) })
	}
	return p.lines.write(r)
}

// ListError implements scan.Collector.
func (p *scanProgress) ListError(err error) {
	line := err.Error()
	if hint := remedy(err); hint != "" {
		line += "; " + hint
	}
	p.say(line)
}

// say writes a line that stays.
func (p *scanProgress) say(line string) { p.shared.progressf("%s", line) }

// Progress implements scan.Collector.
func (p *scanProgress) Progress(c scan.Counts) {
	p.mu.Lock()
	now := time.Now()
	p.counts = c
	p.past = append(p.past, moment{now, c})
	for now.Sub(p.past[0].at) > rateOver {
		p.past = p.past[1:]
	}
	line := ""
	if p.display.plain != nil && now.Sub(p.told) >= plainEvery {
		p.told = now
		line = p.overall(now)
	}
	p.mu.Unlock()
	if line != "" {
		p.say(line)
	}
}

// activity notes what a worker is at.
func (p *scanProgress) activity(a scan.Activity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := fmt.Sprintf("%s %3d", a.Worker, a.Slot)
	if _, known := p.slots[key]; known || len(p.slots) < maxSlots {
		p.slots[key] = slot{a, time.Now()}
	}
}

// done leaves one line about the whole.
func (p *scanProgress) done() {
	p.shared.closeDisplay(p.display)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.past) > 0 {
		p.say(fmt.Sprintf("%s in %s", p.overall(time.Now()), seconds(time.Since(p.began))))
	}
}
