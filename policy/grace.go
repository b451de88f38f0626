package policy

import (
	"time"

	"github.com/imagegate/imagegate/sbom"
)

// grace turns a refusal into a warning as long as the fix is young. A fix that is
// said to come from the future is none of that.
func (q *question) grace(f Finding, v sbom.Vulnerability) Finding {
	end, ok := q.policy.Vulnerabilities.Grace.end(v)
	switch {
	case !ok:
	case q.now.Before(*v.FixDate):
		f.Message += "; the fix is dated " + date(*v.FixDate) + ", which is in the future and gives no grace"
	case q.now.Before(end):
		f.Outcome = Warn
		f.Message += " since " + date(*v.FixDate) + ", so it is refused only from " + date(end)
	default:
		f.Message += " since " + date(*v.FixDate) + ", and its grace period ended on " + date(end)
	}
	return f
}

// end is when the grace period of a vulnerability ends; false where it has none:
// nobody knows since when there is a fix, its severity has no grace, or it is
// exploited already. Of the severity word and the word for the score the worse
// counts.
func (g Grace) end(v sbom.Vulnerability) (time.Time, bool) {
	if v.KEV || v.FixDate == nil || v.FixDate.IsZero() || !hasFix(v) {
		return time.Time{}, false
	}
	word := v.Severity
	if score, scored := scoreOf(v); scored && severityRank(wordFor(score)) > severityRank(word) {
		word = wordFor(score)
	}
	grace := time.Duration(g.of(word))
	return v.FixDate.Add(grace), grace > 0
}

func (g Grace) of(severity string) Age {
	switch severity {
	case sbom.SeverityCritical:
		return g.Critical
	case sbom.SeverityHigh:
		return g.High
	case sbom.SeverityMedium:
		return g.Medium
	case sbom.SeverityLow:
		return g.Low
	}
	return 0
}
