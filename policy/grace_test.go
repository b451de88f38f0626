package policy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

func TestGrace(t *testing.T) {
	t.Parallel()
	p := parse(t, "vulnerabilities: {deny: {cvss: 7, kev: true}, grace: {critical: 2d, high: 14d}}\n")
	ago := func(d time.Duration) *time.Time { return ref(now.Add(-d)) }
	const day = 24 * time.Hour
	fixed := func(cvss float64, severity string, fix *time.Time) sbom.Vulnerability {
		return sbom.Vulnerability{ID: "CVE-2026-1", Package: "p", Version: "1", CVSS: ref(cvss), Severity: severity,
			FixState: sbom.FixFixed, FixedIn: []string{"2"}, FixDate: fix}
	}
	exploited := fixed(8, "high", ago(day))
	exploited.KEV = true
	unfixed := fixed(8, "high", ago(day))
	unfixed.FixState, unfixed.FixedIn = sbom.FixNotFixed, nil
	for name, c := range map[string]struct {
		v    sbom.Vulnerability
		want policy.Outcome
		says string
	}{
		"young fix":              {fixed(8, "high", ago(13*day)), policy.Warn, "fixed in 2 since 2026-11-10, so it is refused only from 2026-11-24"},
		"old fix":                {fixed(8, "high", ago(14*day)), policy.Fail, "its grace period ended on 2026-11-23"},
		"critical is shorter":    {fixed(9.8, "critical", ago(3*day)), policy.Fail, "ended on 2026-11-22"},
		"the worse word counts":  {fixed(9.8, "medium", ago(3*day)), policy.Fail, "ended on 2026-11-22"},
		"and the other way":      {fixed(7.5, "critical", ago(3*day)), policy.Fail, "ended on 2026-11-22"},
		"no date, no grace":      {fixed(8, "high", nil), policy.Fail, "fixed in 2"},
		"no fix, no grace":       {unfixed, policy.Fail, "not fixed yet"},
		"exploited, no grace":    {exploited, policy.Fail, "known to be exploited"},
		"severity without grace": {fixed(7.5, "", ago(day)), policy.Warn, "refused only from"},
		"a date that is no date": {fixed(8, "high", &time.Time{}), policy.Fail, "fixed in 2"},
	} {
		e := goodImage()
		e.Platforms[0].Vulnerabilities = []sbom.Vulnerability{c.v}
		f := about(p.Evaluate(e, policy.StageScan, now), policy.RuleVulnerabilities)[0]
		require.Equal(t, c.want, f.Outcome, name)
		require.Contains(t, f.Message, c.says, name)
	}
}

// A fix that is said to come from the future must not excuse for ever.
func TestGraceOfTheFuture(t *testing.T) {
	t.Parallel()
	p := parse(t, "vulnerabilities: {deny: {cvss: 7}, grace: {high: 14d}}\n")
	e := goodImage()
	e.Platforms[0].Vulnerabilities = []sbom.Vulnerability{{ID: "CVE-2026-1", Package: "p", Version: "1", CVSS: ref(8.0),
		FixState: sbom.FixFixed, FixDate: ref(now.AddDate(9, 0, 0))}}
	require.Equal(t, policy.Deny, p.Evaluate(e, policy.StageScan, now).Decision)
}
