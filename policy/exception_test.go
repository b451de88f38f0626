package policy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

func exception(expires, what string) string {
	return "exceptions: [{" + what + ", owner: team-a, reason: not reachable, expires: " + expires + "}]\n"
}

const (
	inForce = "2027-01-31"
	soonOut = "2026-12-01"
	lapsed  = "2026-11-23"
)

func withVulnerability(e *policy.Evidence) {
	e.Platforms[0].Vulnerabilities = []sbom.Vulnerability{{
		ID: "GHSA-aaaa", Aliases: []string{"CVE-2024-0001"}, Package: "openssl", Version: "1", CVSS: ref(9.8),
	}}
}

func withShell(e *policy.Evidence) {
	e.Platforms[0].Content = []policy.Content{
		{Class: policy.ClassShell, Path: "/bin/sh", Via: "path"}, {Class: policy.ClassShell, Path: "/opt/x", Via: "content"},
	}
}

func TestExceptions(t *testing.T) {
	t.Parallel()
	cvss, shells := "vulnerabilities: {deny: {cvss: 7}}\n", "content: {shells: deny}\n"
	cve := "vulnerability: CVE-2024-0001"
	cases := []struct {
		name   string
		policy string
		change func(*policy.Evidence)
		want   policy.Decision
		// outcome and text of the exceptions rule
		outcome policy.Outcome
		says    string
	}{
		{"by alias", cvss + exception(inForce, cve), withVulnerability, policy.Allow, policy.Pass, "1 used"},
		{"of the package", cvss + exception(inForce, cve+", package: openssl"), withVulnerability, policy.Allow, policy.Pass, "1 used"},
		{"of another package", cvss + exception(inForce, cve+", package: zlib"), withVulnerability, policy.Deny, policy.Pass, "0 used"},
		{"of this image", cvss + exception(inForce, cve+`, images: ["registry.example.com/team/**"]`), withVulnerability, policy.Allow, policy.Pass, "1 used"},
		{"of another image", cvss + exception(inForce, cve+`, images: ["registry.example.com/other/**"]`), withVulnerability, policy.Deny, policy.Pass, "0 exceptions"},
		{"expired", cvss + exception(lapsed, cve), withVulnerability, policy.Deny, policy.Fail, "the exception for CVE-2024-0001 by team-a expired on 2026-11-23"},
		{"expired and not needed", cvss + exception(lapsed, cve), nil, policy.Allow, policy.Warn, "nothing in this image needs it"},
		{"expires soon", cvss + exception(soonOut, cve), withVulnerability, policy.Allow, policy.Warn, "expires on 2026-12-01"},
		{"expires soon and not needed", cvss + exception(soonOut, cve), nil, policy.Allow, policy.Pass, "0 used"},
		{"of one file", shells + exception(inForce, "rule: content.shells, path: /bin/sh"), withShell, policy.Deny, policy.Pass, "1 used"},
		{"of a rule", shells + exception(inForce, "rule: content.shells"), withShell, policy.Allow, policy.Pass, "1 used"},
		{"expired, of a rule that only warns", cvss + "content: {shells: warn}\n" + exception(lapsed, "rule: content.shells"), withShell, policy.Allow, policy.Warn, "expired"},
		{"of a known gap", "sbom: {complete: required}\n" + exception(inForce, "rule: sbom.complete"), func(e *policy.Evidence) {
			e.Platforms[0].Gaps = []string{"unknown distribution"}
		}, policy.Allow, policy.Pass, "1 used"},
		{"never of a list that failed", "sbom: {complete: required}\n" + exception(inForce, "rule: sbom.complete"), failed(policy.StepSBOM, "gone"),
			policy.NotDecidable, policy.Pass, "0 used"},
		{"of the user", "config: {nonRoot: true}\n" + exception(inForce, "rule: config.nonRoot"), config(func(c *policy.Config) { c.UID = ref[int64](0) }),
			policy.Allow, policy.Pass, "1 used"},
		{"never of what could not be read", "config: {nonRoot: true}\n" + exception(inForce, "rule: config.nonRoot"), failed(policy.StepConfig, "gone"),
			policy.NotDecidable, policy.Pass, "0 used"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := goodImage()
			if c.change != nil {
				c.change(&e)
			}
			v := parse(t, c.policy).Evaluate(e, policy.StageScan, now)
			require.Equal(t, c.want, v.Decision, "%+v", v.Findings)
			f := about(v, policy.RuleExceptions)
			require.NotEmpty(t, f)
			require.Equal(t, c.outcome, f[0].Outcome, "%+v", f)
			require.Contains(t, f[0].Message, c.says)
		})
	}
}

func TestExceptedFindingNamesItsException(t *testing.T) {
	t.Parallel()
	e := goodImage()
	withVulnerability(&e)
	p := parse(t, "vulnerabilities: {deny: {cvss: 7}}\n"+exception(inForce, "vulnerability: CVE-2024-0001"))
	f := about(p.Evaluate(e, policy.StageScan, now), policy.RuleVulnerabilities)[0]
	require.Equal(t, policy.Pass, f.Outcome)
	require.Equal(t, "team-a", f.Exception.Owner)
	require.Contains(t, f.Message, "accepted until 2027-01-31 by team-a: not reachable")

	after := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	require.True(t, about(p.Evaluate(e, policy.StageScan, after.Add(-time.Nanosecond)), policy.RuleVulnerabilities)[0].Exception != nil)
	f = about(p.Evaluate(e, policy.StageScan, after), policy.RuleVulnerabilities)[0]
	require.Equal(t, policy.Fail, f.Outcome)
	require.Nil(t, f.Exception)
	require.Contains(t, f.Message, "the exception of team-a expired on 2027-01-31")
}

func TestLapsing(t *testing.T) {
	t.Parallel()
	for date, want := range map[string][2]int{inForce: {0, 0}, soonOut: {0, 1}, lapsed: {1, 0}} {
		expired, expiring := parse(t, "extends: baseline\n"+exception(date, "rule: content.secrets")).Lapsing(now)
		require.Equal(t, want, [2]int{len(expired), len(expiring)}, date)
	}
}
