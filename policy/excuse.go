package policy

import (
	"slices"
	"time"
)

// soon is how long before its expiry an exception is warned about.
const soon = 14 * day

// offence is what an exception can be held against.
type offence struct {
	rule string
	// level of the rule: what an offence that is not excused will do.
	level Level
	// ids of the vulnerability and its aliases; in is the package that has it.
	ids  []string
	in   string
	path string
}

// ledger notes which exceptions were used, and which would have been used had
// they not expired, by their place in the policy. Of the latter it keeps the
// worst that came of it: Fail, or Warn where nothing was denied.
type ledger struct {
	used   map[int]bool
	lapsed map[int]Outcome
}

func newLedger() ledger { return ledger{used: map[int]bool{}, lapsed: map[int]Outcome{}} }

func (l ledger) lapse(i int, denied bool) {
	switch {
	case denied:
		l.lapsed[i] = Fail
	case l.lapsed[i] == "":
		l.lapsed[i] = Warn
	}
}

// excuse turns a finding into a pass where an exception in force covers it. Where
// only an expired one would, the finding stays and names it.
func (q *question) excuse(f Finding, o offence) Finding {
	if f.Outcome == Pass {
		return f // nothing to excuse
	}
	covering := q.covering(o)
	for _, i := range covering {
		if e := q.policy.Exceptions[i]; q.now.Before(e.Expires) {
			q.excused.used[i] = true
			f.Outcome, f.Exception, f.Remedy = Pass, &e, ""
			f.Message += "; accepted until " + date(e.Expires) + " by " + printable(e.Owner) + ": " + printable(e.Reason)
			return f
		}
	}
	for _, i := range covering {
		e := q.policy.Exceptions[i]
		q.excused.lapse(i, f.Outcome == Fail && o.level == LevelDeny)
		f.Message += "; the exception of " + printable(e.Owner) + " expired on " + date(e.Expires)
	}
	return f
}

// covering are the exceptions that are about an offence in this image.
func (q *question) covering(o offence) []int {
	var list []int
	for i, e := range q.policy.Exceptions {
		if e.covers(o) && q.concerns(e) {
			list = append(list, i)
		}
	}
	return list
}

func (e Exception) covers(o offence) bool {
	if e.Vulnerability != "" {
		return slices.Contains(o.ids, e.Vulnerability) && (e.Package == "" || e.Package == o.in)
	}
	return e.Rule == o.rule && (e.Path == "" || e.Path == o.path)
}

// concerns says whether an exception is about this image at all.
func (q *question) concerns(e Exception) bool {
	r := q.evidence.Reference
	return len(e.Images) == 0 || slices.ContainsFunc(e.Images, func(pattern string) bool {
		return r.Registry != "" && matchRepository(pattern, r.Registry+"/"+r.Repository)
	})
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// about names what an exception accepts.
func (e Exception) about() string {
	text := e.Rule
	if e.Vulnerability != "" {
		text = e.Vulnerability
	}
	if e.Package != "" {
		text += " in " + e.Package
	}
	if e.Path != "" {
		text += " at " + e.Path
	}
	return printable(text)
}
