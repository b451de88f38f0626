package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/imagegate/imagegate/gate/report"
)

const (
	frame    = 100 * time.Millisecond // between two drawings, and before the first: short work shows nothing
	interval = 10 * time.Second       // between two plain lines about one thing
	mostRows = 8
)

// display is what is going on, a row for each image or database that is worked on. On
// a terminal the rows are drawn over each other, each drawing in one write so that
// nothing flickers. It is safe for concurrent use, and its zero value shows nothing.
type display struct {
	plain func(format string, args ...any) // where there is no terminal

	mu    sync.Mutex
	rows  map[string]*displayRow // nil: nothing is shown
	order []string               // of rows, by when they came
	now   func() time.Time
	stop  chan struct{}
	ended sync.WaitGroup

	w     io.Writer
	size  func() (width, height int)
	head  func(width, most int) []string // lines above the rows; nil: none
	drawn []int                          // how wide each line on the terminal is
	last  string                         // what was drawn
}

// displayRow is one thing that is worked on.
type displayRow struct {
	step  string
	began time.Time
	told  time.Time        // when a plain line last said how far it is
	parts map[string]int64 // how much of each
	done  int64
	total int64 // 0 or less: not known
}

// live draws the rows on a terminal until close.
func (d *display) live(w io.Writer, size func() (width, height int)) {
	d.w, d.size, d.stop = w, size, make(chan struct{})
	d.ended.Add(1)
	go func() {
		defer d.ended.Done()
		tick := time.NewTicker(frame)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				d.draw()
			case <-d.stop:
				return
			}
		}
	}()
}

// close takes the rows away.
func (d *display) close() {
	if d.stop == nil {
		return
	}
	close(d.stop)
	d.ended.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop, d.rows, d.order = nil, map[string]*displayRow{}, nil
	d.erase("")
}

// begin says that a row is at a step now; false if it was already, or if nothing is
// shown.
func (d *display) begin(name, step string, total int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rows == nil {
		return false
	}
	if r, ok := d.rows[name]; ok && r.step == step {
		r.total = total
		return false
	} else if !ok {
		d.order = append(d.order, name)
	}
	d.rows[name] = &displayRow{step: step, began: d.clock(), told: d.clock(), parts: map[string]int64{}, total: total}
	return true
}

// more adds the size of a part to what a row is about, once.
func (d *display) more(name, part string, size int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r, ok := d.rows[name]; ok {
		if _, again := r.parts[part]; !again {
			r.parts[part] = 0
			r.total += size
		}
	}
}

// end takes a row away, if it is still at that step; at whatever step, if none is
// named.
func (d *display) end(name, step string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r, ok := d.rows[name]; ok && (step == "" || r.step == step) {
		d.remove(name)
	}
}

// remove takes a row away; d is locked.
func (d *display) remove(name string) {
	delete(d.rows, name)
	d.order = slices.DeleteFunc(d.order, func(n string) bool { return n == name })
}

// read says how much of a part was read, and returns how much of all of it; line is
// true if it is time for a plain line.
func (d *display) read(name, part string, bytes int64) (done, total int64, line bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.rows[name]
	if !ok {
		return 0, 0, false
	}
	r.done += bytes - r.parts[part]
	r.parts[part] = bytes
	if line = d.clock().Sub(r.told) >= interval; line {
		r.told = d.clock()
	}
	return r.done, r.total, line
}

func (d *display) clock() time.Time {
	if d.now != nil {
		return d.now()
	}
	return time.Now()
}

// above writes a line over the rows; false where no rows are drawn.
func (d *display) above(text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stop == nil {
		return false
	}
	d.erase(text + "\n")
	return true
}

// aside lets something else write to the terminal.
func (d *display) aside(write func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stop != nil {
		d.erase("")
	}
	return write()
}

// headed draws lines above the rows, as many as most and none wider than width.
func (d *display) headed(lines func(width, most int) []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.head = lines
}

// draw draws all rows anew, in one write.
func (d *display) draw() {
	d.mu.Lock()
	defer d.mu.Unlock()
	width, height := d.size()
	var lines []string
	if d.head != nil {
		lines = d.head(width-1, height-1)
	}
	lines = append(lines, d.lines(width, min(mostRows, height-1-len(lines)))...)
	text := strings.Join(lines, ansi.EraseLineRight+"\n") + ansi.EraseScreenBelow
	if len(lines) == len(d.drawn) && (len(lines) == 0 || text == d.last) {
		return
	}
	d.write(d.back() + text)
	d.last, d.drawn = text, d.drawn[:0]
	for _, line := range lines {
		d.drawn = append(d.drawn, ansi.StringWidth(line))
	}
}

// erase takes away what is drawn and writes a text in its place.
func (d *display) erase(text string) {
	d.write(d.back() + ansi.EraseScreenBelow + text)
	d.drawn = nil
}

// back is the way to the beginning of the first line that was drawn. A terminal that
// has become narrower since shows a line as several.
func (d *display) back() string {
	width, _ := d.size()
	up := -1
	for _, w := range d.drawn {
		up += max(1, (w+width-1)/width)
	}
	if up > 0 {
		return "\r" + ansi.CursorUp(up)
	}
	return "\r"
}

// write writes to the terminal. That it is gone is no reason not to judge.
func (d *display) write(text string) { _, _ = io.WriteString(d.w, text) }

// lines are the rows in the order in which they came, none wider than the terminal
// less one column, since some terminals wrap a line that fills the last one.
func (d *display) lines(width, most int) []string {
	if most < 1 {
		return nil
	}
	width--
	names, steps := 0, 0
	for _, name := range d.order {
		names, steps = max(names, ansi.StringWidth(oneLine(name))), max(steps, len(d.rows[name].step))
	}
	names = min(names, 2*width/5)
	var lines []string
	for i, name := range d.order {
		if rest := len(d.order) - i; len(lines) == most-1 && rest > 1 {
			lines = append(lines, fmt.Sprintf("and %d more", rest))
			break
		}
		r := d.rows[name]
		text := fmt.Sprintf("%s  %-*s", column(oneLine(name), names), steps, r.step)
		text += r.far(width-ansi.StringWidth(text), d.clock())
		lines = append(lines, ansi.Truncate(text, max(width, 0), ""))
	}
	return lines
}

// oneLine makes a name fit for a row.
func oneLine(name string) string { return report.Lines(strings.ReplaceAll(name, "\n", " ")) }

// column fits a name into a column: its end says most.
func column(name string, width int) string {
	if w := ansi.StringWidth(name); w > width {
		return ansi.TruncateLeft(name, w-width+1, "…")
	} else if w < width {
		return name + strings.Repeat(" ", width-w)
	}
	return name
}

// far says how far a row is, in what is left of the line: a bar and bytes, or, where
// nothing says how much there is, bytes or the time.
func (r *displayRow) far(width int, now time.Time) string {
	const shortest, longest = 5, 30
	switch {
	case r.total > 0:
		done := min(r.done, r.total)
		bytes := fmt.Sprintf("  %s / %s", size(done), size(r.total))
		if bar := min(width-len(bytes)-4, longest); bar >= shortest {
			full := int(int64(bar) * done / r.total)
			return "  [" + strings.Repeat("=", full) + strings.Repeat(" ", bar-full) + "]" + bytes
		}
		return bytes
	case r.done > 0:
		return "  " + size(r.done)
	case now.Sub(r.began) >= time.Second:
		return "  " + seconds(now.Sub(r.began))
	}
	return ""
}
