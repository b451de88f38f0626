package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
)

const tableHead = "apiVersion: imagegate.dev/v1\nkind: PolicyTest\npolicy: policy.yaml\nnow: 2026-11-23\n"

func TestTable(t *testing.T) {
	t.Parallel()
	table, err := policy.ParseTable("test.yaml", []byte(tableHead+`tests:
- {name: a, evidence: a.json, stage: scan, verdict: deny, findings: [{rule: content.shells, outcome: fail, platform: linux/amd64}]}
`))
	require.NoError(t, err)
	c := table.Tests[0]
	e := goodImage()
	p := parse(t, "content: {shells: deny}\nconfig: {nonRoot: true}\n")
	require.Equal(t, []string{"the verdict is allow, not deny", "content.shells is pass, not fail"}, c.Differences(c.Judge(p, e, table.Now)))
	withShell(&e)
	require.Empty(t, c.Differences(c.Judge(p, e, table.Now)))
	c.Findings = []policy.ExpectedFinding{{Rule: "content.shell", Outcome: policy.Fail}}
	c.Verdict = policy.Allow
	got := c.Differences(c.Judge(p, e, table.Now))
	require.Contains(t, got[0], "the verdict is deny, not allow\n  content.shells (linux/amd64): 2 shells")
	require.Equal(t, "content.shell says nothing, where fail is wanted", got[1])
}

func TestTableComplaints(t *testing.T) {
	t.Parallel()
	_, policyErr := policy.ParseTable("policies/own.yaml", []byte(head+"content: {shells: deny}\n"))
	require.EqualError(t, policyErr, "policies/own.yaml:2:7: kind: is a policy, not a table of tests: write kind: PolicyTest in a file of its own, with policy: own.yaml")
	_, err := policy.ParseTable("test.yaml", []byte(`apiVersion: imagegate.dev/v1
kind: PolicyTests
tests:
- {name: a, evidense: a.json, stage: scn, verdict: denied, findings: [{rule: "", outcome: failed}]}
- {name: a}
`))
	require.EqualError(t, err, `test.yaml:1:1: now: is missing: write a date, so that the test answers the same tomorrow
test.yaml:1:1: policy: is missing: name the file of the policy that is tested
test.yaml:2:7: kind: must be PolicyTest
test.yaml:4:13: tests[0]: unknown field "evidense": did you mean "evidence"?
test.yaml:4:38: tests[0].stage: unknown stage "scn": did you mean "scan"?
test.yaml:4:52: tests[0].verdict: unknown verdict "denied": use allow, deny or undecided
test.yaml:4:78: tests[0].findings[0].rule: is missing: findings name the rule that made them
test.yaml:4:91: tests[0].findings[0].outcome: unknown outcome "failed": did you mean "fail"?
test.yaml:5:3: tests[1].evidence: is missing: imagegate check REF --evidence-output FILE writes it
test.yaml:5:3: tests[1].stage: is missing: use build, admission or scan
test.yaml:5:3: tests[1].verdict: is missing: use allow, deny or undecided
test.yaml:5:10: tests[1].name: "a" is named twice`)
}
