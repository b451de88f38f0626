package policy

import "time"

// Decisive are the findings that made the decision: the failures of a deny, what
// could not be judged of an undecided, nothing of an allow.
func (v Verdict) Decisive() []Finding {
	switch v.Decision {
	case Deny:
		return v.With(Fail)
	case NotDecidable:
		return v.With(Undecided)
	}
	return nil
}

// With are the findings with an outcome, in their order.
func (v Verdict) With(outcome Outcome) []Finding {
	var list []Finding
	for _, f := range v.Findings {
		if f.Outcome == outcome {
			list = append(list, f)
		}
	}
	return list
}

// Lapsing are the exceptions that have expired, and those that will within 14
// days: for whoever checks a policy without an image.
func (p *Policy) Lapsing(now time.Time) (expired, expiring []Exception) {
	for _, e := range p.Exceptions {
		switch {
		case !now.Before(e.Expires):
			expired = append(expired, e)
		case e.Expires.Sub(now) <= soon:
			expiring = append(expiring, e)
		}
	}
	return expired, expiring
}
