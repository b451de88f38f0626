package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/term"

	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/sbom/vuln"
)

// progressf says on standard error what is going on; nothing with --quiet.
func (s *shared) progressf(format string, args ...any) {
	if !s.quiet {
		fmt.Fprintln(s.console.err, report.Lines(fmt.Sprintf(format, args...)))
	}
}

// status is a line on a terminal that is written over, at most ten times a
// second. Where there is no terminal nothing is shown, and nothing with --quiet.
type status struct {
	w     io.Writer // nil: show nothing
	mu    sync.Mutex
	shown time.Time
}

func (s *shared) newStatus() *status {
	if s.quiet || !isTerminal(s.console.err) {
		return &status{}
	}
	return &status{w: s.console.err}
}

const (
	clearLine = "\r\x1b[K"
	often     = 100 * time.Millisecond
)

func (s *status) set(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil || time.Since(s.shown) < often {
		return
	}
	s.shown = time.Now()
	fmt.Fprint(s.w, clearLine+report.Lines(fmt.Sprintf(format, args...)))
}

// done takes the line away.
func (s *status) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w != nil && !s.shown.IsZero() {
		fmt.Fprint(s.w, clearLine)
		s.shown = time.Time{}
	}
}

// pullProgress shows how much of an image was read.
func (s *status) pullProgress() func(image.Progress) {
	var mu sync.Mutex
	read := map[string]int64{} // by reference, platform and layer
	return func(p image.Progress) {
		mu.Lock()
		of := p.Reference + " " + p.Platform
		before := read[of+p.Layer]
		read[of+p.Layer] = p.Read
		read[of] += p.Read - before
		total := read[of]
		mu.Unlock()
		s.set("reading %s: %s", of, humanize.IBytes(uint64(max(total, 0))))
	}
}

// databaseProgress shows how far a database is: bytes on a terminal, a line for
// each step otherwise.
func (s *shared) databaseProgress() (show func(vuln.Progress), done func()) {
	line := s.newStatus()
	step := ""
	return func(p vuln.Progress) {
		if p.Step != step && line.w == nil {
			s.progressf("database: %s", p.Step)
		}
		step = p.Step
		line.set("database: %s %s of %s", p.Step, size(p.Done), size(p.Total))
	}, line.done
}

func size(bytes int64) string {
	if bytes < 0 {
		return "?"
	}
	return humanize.IBytes(uint64(bytes))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
