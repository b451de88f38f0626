package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/term"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom/vuln"
)

// progressf says on standard error what is going on; nothing with --quiet. Where
// rows are shown, the line goes above them.
func (s *shared) progressf(format string, args ...any) {
	if s.quiet {
		return
	}
	text := report.Lines(fmt.Sprintf(format, args...))
	if s.display != nil && s.display.above(text) {
		return
	}
	fmt.Fprintln(s.console.err, text)
}

// newDisplay shows what is going on: rows that move on a terminal, a line for each
// long step otherwise, nothing with --quiet. It is to be closed.
func (s *shared) newDisplay() *display {
	if s.quiet {
		return &display{}
	}
	d := &display{rows: map[string]*displayRow{}}
	d.plain = s.progressf
	if f, ok := s.console.err.(*os.File); ok && isTerminal(f) && os.Getenv("TERM") != "dumb" {
		d.plain = nil
		d.live(f, func() (int, int) { return sizeOf(f) })
		s.display = d
	}
	return d
}

// sizeOf is the size of a terminal in columns and rows; 80 and 24 where it does not
// say.
func sizeOf(f *os.File) (width, height int) {
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 1 || height < 1 {
		return 80, 24
	}
	return width, height
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// doing is what a person would call a step, empty for one that is not worth a row.
func doing(step policy.Step) string {
	switch step {
	case policy.StepResolve:
		return "resolving"
	case policy.StepSignatures:
		return "verifying signatures"
	case policy.StepConfig:
		return "reading the config"
	case policy.StepFiles:
		return "reading layers"
	case policy.StepSBOM:
		return "listing packages"
	case policy.StepVulnerabilities:
		return "matching"
	}
	return string(step)
}

// step shows a step of a check.
func (d *display) step(p gate.Progress) {
	name := rowName(p.Reference, p.Platform)
	if p.Ended {
		d.end(name, doing(p.Step))
		return
	}
	total := int64(0)
	if p.Step == policy.StepFiles {
		total = p.Bytes
	}
	d.begin(name, doing(p.Step), total)
	switch {
	case d.plain == nil:
	case p.Step == policy.StepFiles:
		d.plain("%s: reading %d layers, %s", name, p.Layers, size(p.Bytes))
	case p.Step == policy.StepSBOM:
		d.plain("%s: listing packages", name)
	}
}

// pulled shows how much of an image was read.
func (d *display) pulled(p image.Progress) {
	name := rowName(p.Reference, p.Platform)
	done, total, line := d.read(name, p.Layer, p.Read)
	if line && d.plain != nil {
		d.plain("%s: read %s of %s", name, size(done), size(max(total, done)))
	}
}

// pushed shows how much of an image was sent. Layers that are there already are not
// sent, so the total is that of those which are.
func (d *display) pushed(p image.Progress) {
	d.more(p.Reference, p.Layer, p.Size)
	done, total, line := d.read(p.Reference, p.Layer, p.Read)
	if line && d.plain != nil {
		d.plain("%s: pushed %s of %s", p.Reference, size(done), size(max(total, done)))
	}
}

// database shows how far a database is.
func (d *display) database(p vuln.Progress) {
	const name = "database"
	if d.begin(name, p.Step, p.Total) && d.plain != nil {
		d.plain("%s: %s", name, p.Step)
	}
	if _, _, line := d.read(name, p.Step, p.Done); line && d.plain != nil {
		d.plain("%s: %s %s of %s", name, p.Step, size(p.Done), size(p.Total))
	}
}

func rowName(reference, platform string) string {
	if platform == "" {
		return reference
	}
	return reference + " " + platform
}

// databaseProgress shows how far a database is, in rows of its own unless there are
// some.
func (s *shared) databaseProgress() (show func(vuln.Progress), done func()) {
	if d := s.display; d != nil {
		return d.database, func() { d.end("database", "") }
	}
	d := s.newDisplay()
	return d.database, func() { s.closeDisplay(d) }
}

// closeDisplay takes the rows away.
func (s *shared) closeDisplay(d *display) {
	d.close()
	if s.display == d {
		s.display = nil
	}
}

func size(bytes int64) string {
	if bytes < 0 {
		return "?"
	}
	return humanize.IBytes(uint64(bytes))
}

// seconds are whole ones: "12s", "1m5s".
func seconds(d time.Duration) string { return d.Truncate(time.Second).String() }
