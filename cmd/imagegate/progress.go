package main

import (
	"fmt"
	"io"
	"os"

	"github.com/dustin/go-humanize"
	"golang.org/x/term"

	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/sbom/vuln"
)

// progressf says on standard error what is going on; nothing with --quiet.
func (s *shared) progressf(format string, args ...any) {
	if !s.quiet {
		fmt.Fprintln(s.console.err, report.Lines(fmt.Sprintf(format, args...)))
	}
}

// databaseProgress shows how far a database is: a line that is written over on a
// terminal, a line for each step otherwise.
func (s *shared) databaseProgress() func(vuln.Progress) {
	if s.quiet {
		return nil
	}
	if !isTerminal(s.console.err) {
		step := ""
		return func(p vuln.Progress) {
			if p.Step != step {
				step = p.Step
				fmt.Fprintf(s.console.err, "database: %s\n", step)
			}
		}
	}
	percent := int64(-1)
	return func(p vuln.Progress) {
		now := int64(0)
		if p.Total > 0 {
			now = 100 * p.Done / p.Total
		}
		if now == percent && p.Step == vuln.StepDownload {
			return
		}
		percent = now
		fmt.Fprintf(s.console.err, "\r\x1b[Kdatabase: %s %s of %s", p.Step, humanize.IBytes(uint64(max(p.Done, 0))), total(p.Total))
		if p.Step == vuln.StepInstall {
			fmt.Fprintln(s.console.err)
		}
	}
}

func total(bytes int64) string {
	if bytes <= 0 {
		return "?"
	}
	return humanize.IBytes(uint64(bytes))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
