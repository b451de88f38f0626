package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

func customRule(expression string) string {
	return "rules: [{name: own, expression: \"" + expression + "\", message: not as it should be, remedy: mend it}]\n"
}

func TestCustomRules(t *testing.T) {
	t.Parallel()
	const own = "rules.own"
	cases := []ruleCase{
		{name: "label", policy: customRule("image.labels['org.opencontainers.image.source'].startsWith('https://git.example.com/')"), want: policy.Pass},
		{name: "other label", policy: customRule("image.labels['org.opencontainers.image.source'].startsWith('https://other.example.com/')"), want: policy.Fail,
			says: []string{"not as it should be", `image.labels["org.opencontainers.image.source"] is "https://git.example.com/app"`, "mend it"}},
		{name: "missing label", policy: customRule("image.labels['team'] == 'a'"), want: policy.Undecided, says: []string{"no such key: team", "has("}},
		{name: "asked for the label", policy: customRule("'team' in image.labels && image.labels['team'] == 'a'"), want: policy.Fail},
		{name: "packages", policy: customRule("!image.packages.exists(p, p.name == 'openssl' && p.type == 'deb')"), want: policy.Fail},
		{name: "packages not listed", policy: customRule("!image.packages.exists(p, p.name == 'openssl')"), want: policy.Undecided,
			change: failed(policy.StepSBOM, "cannot read the package database"), says: []string{"cannot read the package database"}},
		{name: "subject", policy: customRule("subject.registry == 'registry.example.com' && subject.digest.startsWith('sha256:')"), want: policy.Pass},
		{name: "subject unresolved", policy: customRule("subject.tag == 'v1'"), want: policy.Undecided, change: failed(policy.StepResolve, "down")},
		{name: "stage", policy: customRule("stage == 'scan' && subject.namespace == ''"), want: policy.Pass},
		{name: "time", policy: customRule("now > timestamp('2026-01-01T00:00:00Z')"), want: policy.Pass},
		{name: "uid", policy: customRule("image.config.uid >= 10000"), want: policy.Pass},
		{name: "uid unknown", policy: customRule("image.config.uid >= 10000"), want: policy.Undecided, says: []string{"uid is not known"},
			change: config(func(c *policy.Config) { c.UID = nil })},
		{name: "unscored is not zero", policy: customRule("image.vulnerabilities.all(v, v.cvss < 7.0)"), want: policy.Undecided,
			change: func(e *policy.Evidence) { e.Platforms[0].Vulnerabilities = []sbom.Vulnerability{{ID: "CVE-1"}} }},
		{name: "package of a vulnerability", policy: customRule("image.vulnerabilities.all(v, v.package != 'openssl')"), want: policy.Fail, change: withVulnerability},
		{name: "class of content", policy: customRule("!image.content.exists(c, c.class == 'shell')"), want: policy.Fail, change: withShell},
		{name: "signature", policy: releaseSigner + customRule("signatures.exists(s, s.signer == 'release' && s.subjectDigest == subject.digest)"), want: policy.Pass},
		{name: "signature, no signer", policy: customRule("signatures.size() > 0"), want: policy.Undecided, says: []string{"no signer is named"}},
		{name: "signature not verified", policy: releaseSigner + customRule("signatures.size() > 0"), want: policy.Undecided, change: notRun(policy.StepSignatures)},
		{name: "signature unread", policy: releaseSigner + customRule("signatures.size() > 1"), want: policy.Undecided,
			change: func(e *policy.Evidence) { e.Rejected = []policy.Rejection{{Unread: true}} }},
		{name: "attestation", policy: releaseSigner + customRule("attestations.exists(a, a.predicate.builder.id == 'x')"), want: policy.Pass,
			change: func(e *policy.Evidence) {
				e.Attestations = []policy.Attestation{{Predicate: []byte(`{"builder": {"id": "x"}}`)}}
			}},
		{name: "attestation that is no JSON", policy: releaseSigner + customRule("attestations.exists(a, a.predicate.builder.id == 'x')"), want: policy.Undecided,
			change: func(e *policy.Evidence) { e.Attestations = []policy.Attestation{{Predicate: []byte(`{`)}} }},
		{name: "warned", policy: "content: {shells: deny}\nrules: [{name: own, expression: 'false', level: warn}]\n", want: policy.Warn},
		{name: "other stage", policy: "rules: [{name: own, expression: 'false', stages: [build]}]\n", want: policy.Skipped},
		{name: "excepted", policy: customRule("false") + exception(inForce, "rule: rules.own"), want: policy.Pass},
	}
	for i := range cases {
		cases[i].rule = own
	}
	runRules(t, goodImage, cases)
}

// A message can be made of the facts; the policy's own stands in where it cannot.
func TestMessageExpression(t *testing.T) {
	t.Parallel()
	rule := func(message string) string {
		return "rules: [{name: own, expression: 'false', message: as written, messageExpression: \"" + message + "\"}]\n"
	}
	for message, want := range map[string]string{
		"'has ' + string(image.packages.size()) + ' packages of ' + subject.repository": "has 1 packages of team/app",
		"'team ' + image.labels['team']":                                                "as written",
		"'  '":                                                                          "as written",
		"'two\\\\nlines'":                                                               "as written",
		"'a' + '\\u202e' + image.labels['org.opencontainers.image.source']": "a\\u202ehttps://git.example.com/app",
	} {
		f := about(parse(t, rule(message)).Evaluate(goodImage(), policy.StageScan, now), "rules.own")[0]
		require.Equal(t, policy.Fail, f.Outcome, message)
		require.Equal(t, want, f.Message, message)
	}
	p := parse(t, rule("'has ' + string(image.packages.size())"))
	require.Equal(t, policy.Needs{SBOM: true}, p.Needs(policy.StageScan))
	e := goodImage()
	failed(policy.StepSBOM, "x")(&e)
	f := about(p.Evaluate(e, policy.StageScan, now), "rules.own")[0]
	require.Equal(t, policy.Fail, f.Outcome, "what is missing for the words is not missing for the answer")
	require.Equal(t, "as written", f.Message)

	_, err := policy.Parse("p.yaml", []byte(head+"rules:\n- name: own\n  expression: 'false'\n  messageExpression: image.size.layers\n"))
	require.ErrorContains(t, err, "p.yaml:7:22: rules[0].messageExpression: must be text, but is of type int")
}

// All conditions together have a budget; what is asked after that is undecided.
func TestConditionsShareABudget(t *testing.T) {
	t.Parallel()
	var body strings.Builder
	body.WriteString("rules:\n")
	for i := range 40 {
		fmt.Fprintf(&body, "- {name: r%d, expression: \"image.packages.all(a, image.packages.all(b, a.name == b.name || %d < 0))\"}\n", i, i)
	}
	e := goodImage()
	for range 300 {
		e.Platforms[0].Packages = append(e.Platforms[0].Packages, e.Platforms[0].Packages[0])
	}
	v := parse(t, body.String()).Evaluate(e, policy.StageScan, now)
	require.Equal(t, policy.NotDecidable, v.Decision)
	require.Equal(t, policy.Pass, about(v, "rules.r0")[0].Outcome)
	last := about(v, "rules.r39")[0]
	require.Equal(t, policy.Undecided, last.Outcome)
	require.Contains(t, last.Message, "together cost too much")
}

// A condition about the subject is asked once, one about an image of each.
func TestCustomRuleIsAskedOfEachImage(t *testing.T) {
	t.Parallel()
	e := goodIndex()
	p := parse(t, "rules: [{name: a, expression: \"image.platform == 'linux/amd64'\"}, {name: b, expression: \"subject.platforms.size() == 2\"}]\n")
	v := p.Evaluate(e, policy.StageScan, now)
	require.Len(t, about(v, "rules.a"), 2)
	require.Equal(t, policy.Fail, about(v, "rules.a")[1].Outcome)
	require.Equal(t, "linux/arm64/v8", about(v, "rules.a")[1].Platform)
	require.Len(t, about(v, "rules.b"), 1)
	require.Equal(t, policy.Pass, about(v, "rules.b")[0].Outcome)
}

// Only what a condition looks at is collected.
func TestCustomRuleNeeds(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]policy.Needs{
		"subject.tag != 'x'":                    {},
		"image.platform != 'x'":                 {},
		"image.size.layers < 9":                 {},
		"image.size.files < 9":                  {Config: true, Files: true},
		"image.labels.size() > 1":               {Config: true},
		"image.config.user != ''":               {Config: true},
		"image.config.uid != 0":                 {Config: true, Files: true},
		"image.config == image.config":          {Config: true, Files: true},
		"image.packages.size() > 1":             {SBOM: true},
		"image.vulnerabilities.size() < 1":      {SBOM: true, Vulnerabilities: true},
		"[image].all(i, i.packages.size() > 1)": {Config: true, Files: true, SBOM: true, Vulnerabilities: true},
		"signatures.size() > 1":                 {Signatures: true},
		"attestations.size() > 1":               {Signatures: true},
		"image.content.all(c, c.path != stage)": {Config: true, Files: true},
	} {
		body := "signatures: {required: false, signers: [{name: release, key: {file: a.pub}}]}\n" + customRule(expression)
		require.Equal(t, want, parse(t, body).Needs(policy.StageScan), expression)
	}
}

func TestNamespaceIsAFact(t *testing.T) {
	t.Parallel()
	p := parse(t, customRule("subject.namespace == 'prod'"))
	require.Equal(t, policy.Deny, p.Evaluate(goodImage(), policy.StageAdmission, now).Decision)
	require.Equal(t, policy.Allow, p.For(goodImage().Reference, "prod").Evaluate(goodImage(), policy.StageAdmission, now).Decision)
}

func TestOverridesReplaceCustomRules(t *testing.T) {
	t.Parallel()
	p := parse(t, customRule("false")+`overrides:
- {match: {namespaces: [a]}, rules: []}
- {match: {namespaces: [b]}, rules: [{name: other, expression: "'x' != stage"}]}
exceptions: [{rule: rules.other, owner: a, reason: b, expires: 2027-01-31}]
`)
	require.Equal(t, policy.Deny, p.Evaluate(goodImage(), policy.StageScan, now).Decision)
	require.Equal(t, policy.Allow, p.For(goodImage().Reference, "a").Evaluate(goodImage(), policy.StageScan, now).Decision)
	v := p.For(goodImage().Reference, "b").Evaluate(goodImage(), policy.StageScan, now)
	require.Equal(t, policy.Allow, v.Decision)
	require.Equal(t, policy.Pass, about(v, "rules.other")[0].Outcome)
}

func TestCostlyRuleIsUndecided(t *testing.T) {
	t.Parallel()
	e := goodImage()
	for range 3000 {
		e.Platforms[0].Packages = append(e.Platforms[0].Packages, sbom.Package{Name: "p"})
	}
	v := parse(t, customRule("image.packages.all(a, image.packages.all(b, a.name != b.name + 'x'))")).Evaluate(e, policy.StageScan, now)
	require.Equal(t, policy.NotDecidable, v.Decision)
	require.Contains(t, about(v, "rules.own")[0].Message, "costs too much")
}

func TestRulesOfAPolicy(t *testing.T) {
	t.Parallel()
	infos := parse(t, customRule("true")).Rules()
	require.Equal(t, "rules.own", infos[len(infos)-2].ID)
	require.Equal(t, "not as it should be", infos[len(infos)-2].Title)
	require.Len(t, infos, len(policy.Rules())+1)
}
