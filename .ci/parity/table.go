package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// row is one comparison.
type row struct {
	section, name, what string
	peer                string // the tool that was asked
	ours, theirs        string // what was answered, in short
	differences         []string
	notRun              string // why it was not
}

// outcome of a row.
type outcome string

const (
	equal     outcome = "equal"
	explained outcome = "explained"
	different outcome = "DIFFERENT"
	notRun    outcome = "not run"
)

// table collects rows in the order in which they were compared.
type table struct {
	rows []row
	used map[int]bool // explanations that were needed
}

func (t *table) add(r row) {
	t.rows = append(t.rows, r)
	o, why := t.judge(r)
	fmt.Printf("%-10s %s: %s: %s, %s %s%s\n", o, r.name, r.what, r.ours, r.peer, r.theirs, prefixed(": ", strings.Join(why, "; ")))
	if o == different {
		for _, d := range r.differences {
			fmt.Printf("           %s\n", d)
		}
	}
}

// try runs comparisons that add their own rows. Where they could not be made, the
// row says so: as not run, or as a difference.
func (t *table) try(r row, compare func() error) {
	if r.notRun == "" {
		err := compare()
		if err == nil {
			return
		}
		if r.notRun = why(err); r.notRun == "" {
			r.differences = []string{"error: " + err.Error()}
		}
	}
	t.add(r)
}

// judge says what a row comes to, with the reasons. Every single difference needs
// an explanation.
func (t *table) judge(r row) (outcome, []string) {
	if r.notRun != "" {
		return notRun, []string{r.notRun}
	}
	if len(r.differences) == 0 {
		return equal, nil
	}
	var reasons []string
	for _, d := range r.differences {
		i := explanationOf(r, d)
		if i < 0 {
			return different, nil
		}
		t.used[i] = true
		if !slices.Contains(reasons, explanations[i].reason) {
			reasons = append(reasons, explanations[i].reason)
		}
	}
	return explained, reasons
}

// text is the table with its count line, and each difference below it.
func (t *table) text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CASE\tWHAT\tIMAGEGATE\tPEER\tRESULT")
	for _, r := range t.rows {
		o, why := t.judge(r)
		fmt.Fprintf(w, "%s: %s\t%s\t%s\t%s %s\t%s%s\n", r.section, r.name, r.what, r.ours, r.peer, r.theirs, o, prefixed(": ", strings.Join(why, "; ")))
	}
	_ = w.Flush() // a strings.Builder never fails
	for _, r := range t.rows {
		o, _ := t.judge(r)
		if o != different && o != explained {
			continue
		}
		fmt.Fprintf(&b, "\n%s: %s: %s: %s, %s:\n", o, r.section, r.name, r.what, r.peer)
		for _, d := range r.differences {
			fmt.Fprintf(&b, "  %s\n", d)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", t.counts())
	return b.String()
}

func (t *table) count(o outcome) int {
	n := 0
	for _, r := range t.rows {
		if got, _ := t.judge(r); got == o {
			n++
		}
	}
	return n
}

func (t *table) counts() string {
	return fmt.Sprintf("%d comparisons: %d equal, %d explained, %d different, %d not run",
		len(t.rows), t.count(equal), t.count(explained), t.count(different), t.count(notRun))
}

// unneeded are the reasons of explanations that no row needed: they are out of
// date, or their cases were not run.
func (t *table) unneeded() []string {
	var reasons []string
	for i, e := range explanations {
		if !t.used[i] {
			reasons = append(reasons, e.section+", "+e.name+": "+e.reason)
		}
	}
	return reasons
}

// verdict is an error if anything differs without a reason, or nothing was
// compared at all.
func (t *table) verdict() error {
	switch {
	case t.count(different) > 0:
		return fmt.Errorf("%d of %d comparisons differ", t.count(different), len(t.rows))
	case t.count(equal)+t.count(explained) == 0:
		return fmt.Errorf("nothing was compared")
	}
	return nil
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// differencesOf compares two lists as sets: "+" is said by imagegate alone, "-"
// by the peer alone.
func differencesOf(ours, theirs []string) []string {
	var found []string
	for _, item := range distinct(ours) {
		if !slices.Contains(theirs, item) {
			found = append(found, "+ "+item)
		}
	}
	for _, item := range distinct(theirs) {
		if !slices.Contains(ours, item) {
			found = append(found, "- "+item)
		}
	}
	return found
}

func distinct(items []string) []string {
	sorted := slices.Clone(items)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}
