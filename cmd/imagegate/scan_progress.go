package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/gate/scan"
	"github.com/imagegate/imagegate/gate/scan/estate"
)

// scanProgress shows a scan: on a terminal how far it is and one line for each image
// in work, rewritten in place; elsewhere a line now and then. It implements
// scan.Collector.
type scanProgress struct {
	id       string
	w        io.Writer // nil: show nothing
	terminal *os.File  // nil: plain lines
	lines    *lines
	began    time.Time

	mu     sync.Mutex
	drawn  int // lines on the terminal now
	told   time.Time
	counts scan.Counts
	past   []moment // of the last minute, for the rate
	slots  map[string]scan.Activity
}

// moment is how much was judged when.
type moment struct {
	at     time.Time
	counts scan.Counts
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

func (f *scanFlags) newScanProgress(id string, l *lines) *scanProgress {
	p := &scanProgress{id: id, lines: l, began: time.Now(), told: time.Now(), slots: map[string]scan.Activity{}}
	if f.quiet {
		return p
	}
	p.w = f.console.err
	if isTerminal(p.w) {
		p.terminal, _ = p.w.(*os.File)
	}
	return p
}

// Record implements scan.Collector.
func (p *scanProgress) Record(r estate.Record) error {
	p.mu.Lock()
	p.wipe()
	p.mu.Unlock()
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
func (p *scanProgress) say(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil {
		return
	}
	p.wipe()
	fmt.Fprintln(p.w, report.Lines(line))
}

// Progress implements scan.Collector.
func (p *scanProgress) Progress(c scan.Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.counts = c
	p.past = append(p.past, moment{now, c})
	for now.Sub(p.past[0].at) > rateOver {
		p.past = p.past[1:]
	}
	switch {
	case p.w == nil:
	case p.terminal != nil:
		p.draw(now)
	case now.Sub(p.told) >= plainEvery:
		p.told = now
		fmt.Fprintln(p.w, p.overall(now))
	}
}

// activity notes what a worker is at.
func (p *scanProgress) activity(a scan.Activity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := fmt.Sprintf("%s %3d", a.Worker, a.Slot)
	if _, known := p.slots[key]; known || len(p.slots) < maxSlots {
		p.slots[key] = a
	}
}

// overall is the line about all of it.
func (p *scanProgress) overall(now time.Time) string {
	c := p.counts
	total := fmt.Sprint(c.Units)
	if !c.ListingDone {
		total = "at least " + total
	}
	line := fmt.Sprintf("%d of %s judged: %d allowed, %d denied, %d undecided", c.Judged, total, c.Allowed, c.Denied, c.Undecided)
	rate, left := c.Pace(now.Sub(p.past[0].at), p.past[0].counts)
	if rate > 0 {
		line += fmt.Sprintf(" · %.1f/s", rate)
	}
	if left > 0 && c.Judged < c.Units {
		line += fmt.Sprintf(" · %s left", left.Round(time.Second))
	}
	return line + fmt.Sprintf(" · %s pulled, %s saved", size(c.PulledBytes), size(c.SavedBytes))
}

// draw writes over what was drawn before.
func (p *scanProgress) draw(now time.Time) {
	width, height, err := term.GetSize(int(p.terminal.Fd()))
	if err != nil {
		width, height = 80, 24
	}
	text := []string{p.overall(now)}
	for _, key := range slices.Sorted(maps.Keys(p.slots)) {
		a := p.slots[key]
		if now.Sub(a.Since) > forgetSlot {
			delete(p.slots, key)
			continue
		}
		if a.Name != "" && len(text) < height-1 {
			text = append(text, fmt.Sprintf("  %s  %4s  %s", key, now.Sub(a.Since).Round(time.Second), a.Name))
		}
	}
	p.wipe()
	for _, line := range text {
		fmt.Fprintln(p.w, report.Clip(report.Lines(line), max(20, width-1)))
	}
	p.drawn = len(text)
}

// wipe takes what was drawn away, so that something else can be written.
func (p *scanProgress) wipe() {
	if p.drawn > 0 {
		fmt.Fprint(p.w, strings.Repeat("\x1b[1A\x1b[2K", p.drawn)+"\r")
		p.drawn = 0
	}
}

// done leaves one line about the whole.
func (p *scanProgress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	if p.w != nil && len(p.past) > 0 {
		fmt.Fprintf(p.w, "%s in %s\n", p.overall(time.Now()), time.Since(p.began).Round(time.Second))
	}
}
