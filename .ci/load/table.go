package main

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"text/tabwriter"
)

// table is what was measured.
type table struct{ rows []row }

type row struct {
	section, what, measured, target string
	met                             bool
}

func (t *table) add(section, what, measured, target string, met bool) {
	t.rows = append(t.rows, row{section, what, measured, target, met})
}

func (t *table) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "imagegate serve, measured by another process that is the registry too, on %d cores\n\n", runtime.NumCPU())
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SECTION\tWHAT\tMEASURED\tTARGET\t")
	for _, r := range t.rows {
		mark := ""
		if !r.met {
			mark = "MISSED"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.section, r.what, r.measured, r.target, mark)
	}
	_ = w.Flush() // into memory
	return b.String()
}

// markdown is the table as README shows it.
func (t *table) markdown() string {
	var b strings.Builder
	b.WriteString("| | measured | target |\n|---|---|---|\n")
	for _, r := range t.rows {
		mark := ""
		if !r.met {
			mark = " (missed)"
		}
		fmt.Fprintf(&b, "| %s | %s%s | %s |\n", r.what, r.measured, mark, r.target)
	}
	return b.String()
}

func (t *table) verdict() error {
	for _, r := range t.rows {
		if !r.met {
			return errors.New("a target was missed")
		}
	}
	return nil
}
