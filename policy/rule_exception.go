package policy

import "fmt"

// judgeExceptions comes last and reports on the exceptions themselves: one that
// somebody relies on and that has expired fails; one that will soon warns, and
// so does an expired one that nothing in this image needs any more.
func judgeExceptions(q *question) []Finding {
	var findings []Finding
	concerned := 0
	for i, e := range q.policy.Exceptions {
		if !q.concerns(e) {
			continue
		}
		concerned++
		if f, ok := q.judgeException(i, e); ok {
			findings = append(findings, f)
		}
	}
	if len(findings) == 0 {
		return []Finding{{Outcome: Pass, Message: fmt.Sprintf("%s about this image, %d used",
			plural(concerned, "exception"), len(q.excused.used))}}
	}
	return findings
}

func (q *question) judgeException(i int, e Exception) (Finding, bool) {
	name := fmt.Sprintf("the exception for %s by %s", e.about(), printable(e.Owner))
	f := Finding{Vulnerability: printable(e.Vulnerability), Package: printable(e.Package), Exception: &e,
		Expected: "an exception in force", Actual: "expires " + date(e.Expires)}
	switch expired := !q.now.Before(e.Expires); {
	case expired && q.excused.lapsed[i] != "":
		f.Outcome, f.Message = q.excused.lapsed[i], name+" expired on "+date(e.Expires)+" and accepts nothing any more"
		f.Remedy = "mend what it accepted, or renew it with a new date"
	case expired:
		f.Outcome, f.Message = Warn, name+" expired on "+date(e.Expires)+"; nothing in this image needs it"
		f.Remedy = "remove it from the policy"
	case q.excused.used[i] && e.Expires.Sub(q.now) <= soon:
		f.Outcome, f.Message = Warn, name+" expires on "+date(e.Expires)+" and is still needed"
		f.Remedy = "mend what it accepts, or renew it, before that day"
	default:
		return Finding{}, false
	}
	return f, true
}
