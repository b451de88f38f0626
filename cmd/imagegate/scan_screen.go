package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// between separates what is told in one line.
const between = " · "

// overall is the line about all of it; p is locked.
func (p *scanProgress) overall(now time.Time) string { return strings.Join(p.parts(now), between) }

// parts of what there is to tell about all of it.
func (p *scanProgress) parts(now time.Time) []string {
	c := p.counts
	parts := []string{
		fmt.Sprintf("%d of %s judged: %d allowed, %d denied, %d undecided", c.Judged, unitsOf(c), c.Allowed, c.Denied, c.Undecided),
	}
	if len(p.past) > 0 {
		rate, left := c.Pace(now.Sub(p.past[0].at), p.past[0].counts)
		if rate > 0 {
			parts = append(parts, fmt.Sprintf("%.1f/s", rate))
		}
		if left > 0 && c.Judged < c.Units {
			parts = append(parts, left.Round(time.Second).String()+" left")
		}
	}
	return append(parts, fmt.Sprintf("%s pulled, %s saved", size(c.PulledBytes), size(c.SavedBytes)))
}

// screen is how far the scan is, and what each worker is at.
func (p *scanProgress) screen(width, most int) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	lines := folded(p.parts(now), width)
	lines = append(lines, p.workers(now, width, max(0, most-len(lines)))...)
	return lines[:max(0, min(most, len(lines)))]
}

// folded puts as many parts into a line as fit. A part that is too wide by itself is
// broken after a colon, and cut where that does not help.
func folded(parts []string, width int) (lines []string) {
	for _, part := range parts {
		if head, tail, found := strings.Cut(part, ": "); found && ansi.StringWidth(part) > width {
			lines = append(lines, cut(head, width), cut(tail, width))
			continue
		}
		if last := len(lines) - 1; last >= 0 && ansi.StringWidth(lines[last]+between+part) <= width {
			lines[last] += between + part
			continue
		}
		lines = append(lines, cut(part, width))
	}
	return lines
}

func cut(text string, width int) string { return ansi.Truncate(text, max(width, 0), "…") }

// workers are the slots that have an image, a line each.
func (p *scanProgress) workers(now time.Time, width, most int) (lines []string) {
	names := map[string]bool{}
	var busy []slot
	for _, key := range slices.Sorted(maps.Keys(p.slots)) {
		s := p.slots[key]
		if now.Sub(s.since) > forgetSlot {
			delete(p.slots, key)
			continue
		}
		names[s.Worker] = true
		if s.Name != "" {
			busy = append(busy, s)
		}
	}
	widest := 0
	for name := range names {
		widest = max(widest, ansi.StringWidth(oneLine(name)))
	}
	for i, s := range busy {
		if rest := len(busy) - i; len(lines) == most-1 && rest > 1 {
			return append(lines, cut(fmt.Sprintf("  and %d more", rest), width))
		}
		line := "  "
		if len(names) > 1 { // of one, everybody knows
			line += column(oneLine(s.Worker), min(widest, width/4)) + "  "
		}
		line += fmt.Sprintf("%4s  ", seconds(now.Sub(s.since)))
		name := oneLine(s.Name)
		lines = append(lines, cut(line+column(name, min(ansi.StringWidth(name), max(0, width-ansi.StringWidth(line)))), width))
	}
	return lines
}
