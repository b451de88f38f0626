package policy

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/imagegate/imagegate/sbom"
)

// match is what one vulnerability meets of some criteria. unknown means that a
// criterion could not be held against it, since nobody assessed it.
type match struct {
	reasons []string
	unknown bool
}

// meets holds a vulnerability against criteria. That it is exploited is a fact
// that nobody's assessment outranks; a distribution's own "negligible" outranks
// scores and severities of others, unless the policy says otherwise.
func (r VulnerabilityRules) meets(c Criteria, v sbom.Vulnerability) match {
	var m match
	if c.KEV && v.KEV {
		m.reasons = append(m.reasons, "known to be exploited (CISA KEV)")
	}
	if epss, ok := epssOf(v); ok && c.EPSS.On && epss >= c.EPSS.At {
		m.reasons = append(m.reasons, fmt.Sprintf("EPSS %.4g", epss))
	}
	if r.Assessment == AssessmentFirst && v.Severity == sbom.SeverityNegligible {
		return m
	}
	if c.CVSS.On {
		r.meetsScore(&m, c.CVSS, v)
	}
	if c.Severity.on() {
		r.meetsSeverity(&m, c.Severity, v)
	}
	return m
}

func (r VulnerabilityRules) meetsScore(m *match, least Threshold, v sbom.Vulnerability) {
	score, scored := scoreOf(v)
	switch {
	case scored && score >= least.At:
		m.reasons = append(m.reasons, fmt.Sprintf("CVSS %.1f%s", score, by(v.ScoreSource)))
	case scored || r.Unscored == UnscoredIgnore:
	case r.Unscored == UnscoredDeny:
		m.reasons = append(m.reasons, "no CVSS score")
	case severityRank(v.Severity) < 0:
		m.unknown = true
	case highestOf(v.Severity) >= least.At:
		m.reasons = append(m.reasons, "severity "+v.Severity+", not scored")
	}
}

func (r VulnerabilityRules) meetsSeverity(m *match, least Severity, v sbom.Vulnerability) {
	word := wordOf(v)
	switch {
	case word == sbom.SeverityUnknown && r.Unscored == UnscoredDeny:
		m.reasons = append(m.reasons, "no severity")
	case word == sbom.SeverityUnknown:
		m.unknown = m.unknown || r.Unscored == UnscoredSeverity
	case severityRank(word) >= severityRank(string(least)):
		m.reasons = append(m.reasons, "severity "+word)
	}
}

// wordOf is the severity of the source that matched; where it has none, or its
// "negligible" was set aside, the word for the score.
func wordOf(v sbom.Vulnerability) string {
	if score, scored := scoreOf(v); scored && severityRank(v.Severity) <= severityRank(sbom.SeverityNegligible) {
		return wordFor(score)
	}
	if severityRank(v.Severity) < 0 {
		return sbom.SeverityUnknown
	}
	return v.Severity
}

// scoreOf is the CVSS score that counts; what is no score of CVSS is none.
func scoreOf(v sbom.Vulnerability) (float64, bool) {
	if v.CVSS == nil || math.IsNaN(*v.CVSS) || *v.CVSS < 0 || *v.CVSS > 10 {
		return 0, false
	}
	return *v.CVSS, true
}

func epssOf(v sbom.Vulnerability) (float64, bool) {
	if v.EPSS == nil || math.IsNaN(*v.EPSS) {
		return 0, false
	}
	return *v.EPSS, true
}

// severityRank orders the severity words; -1 is none of them, or unknown.
func severityRank(word string) int {
	return slices.Index([]string{sbom.SeverityNegligible, sbom.SeverityLow, sbom.SeverityMedium, sbom.SeverityHigh, sbom.SeverityCritical}, word)
}

// highestOf is the highest score that a word can stand for (the qualitative
// rating scale of CVSS v3.1 and v4.0): who knows only the word has to assume it.
func highestOf(word string) float64 {
	switch word {
	case sbom.SeverityLow:
		return 3.9
	case sbom.SeverityMedium:
		return 6.9
	case sbom.SeverityHigh:
		return 8.9
	case sbom.SeverityCritical:
		return 10
	}
	return 0
}

func wordFor(score float64) string {
	switch {
	case score >= 9:
		return sbom.SeverityCritical
	case score >= 7:
		return sbom.SeverityHigh
	case score >= 4:
		return sbom.SeverityMedium
	case score > 0:
		return sbom.SeverityLow
	}
	return sbom.SeverityNegligible
}

// hasFix says whether some version is known to be mended.
func hasFix(v sbom.Vulnerability) bool { return v.FixState == sbom.FixFixed || len(v.FixedIn) > 0 }

// worstFirst sorts a copy, and keeps one of each id, package and version: the
// same package can lie in an image more than once.
func worstFirst(list []sbom.Vulnerability) []sbom.Vulnerability {
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b sbom.Vulnerability) int {
		return cmp.Or(
			cmp.Compare(badness(b), badness(a)),
			cmp.Compare(a.ID, b.ID), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Type, b.Type),
		)
	})
	return slices.CompactFunc(sorted, func(a, b sbom.Vulnerability) bool {
		return a.ID == b.ID && a.Package == b.Package && a.Version == b.Version && a.Type == b.Type
	})
}

// badness puts what is exploited before every score.
func badness(v sbom.Vulnerability) float64 {
	score, scored := scoreOf(v)
	if !scored {
		score = highestOf(v.Severity)
	}
	if v.KEV {
		score += 100
	}
	return score
}

// sortByOutcome keeps the order within an outcome: first what denies, then what
// could not be judged, then the rest.
func sortByOutcome(findings []Finding) {
	order := []Outcome{Fail, Undecided, Warn, Pass}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(order, a.Outcome), slices.Index(order, b.Outcome))
	})
}
