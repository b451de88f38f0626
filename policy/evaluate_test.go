package policy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// policies are of every kind: each rule on, each way of judging.
func policies(t *testing.T) map[string]*policy.Policy {
	t.Helper()
	everything := `extends: restricted
reference: {digest: required, denyTags: [latest], registries: ["registry.example.com/**"]}
signatures: {atLeast: 1, signers: [{name: release, key: {file: release.pub}}]}
config: {nonRootGroup: deny, maxSize: 100MiB, maxUncompressedSize: 1GiB, maxLayers: 100, requiredLabels: [org.opencontainers.image.source], denyPorts: [22]}
content: {interpreters: deny}
vulnerabilities: {deny: {severity: high, epss: 0.5}, warn: {cvss: 4}}
exceptions:
- {vulnerability: CVE-2024-0001, owner: a, reason: b, expires: 2027-01-31}
- {rule: content.shells, path: /bin/sh, owner: a, reason: b, expires: 2026-01-31}
`
	return map[string]*policy.Policy{
		"restricted": parse(t, "extends: restricted\n"+releaseSigner),
		"baseline":   parse(t, "extends: baseline\n"),
		"unsigned":   parse(t, "extends: restricted\n"),
		"everything": parse(t, everything),
		"warned":     parse(t, "enforcement: warn\n"+everything),
		"some":       parse(t, "platforms: [linux/amd64]\n"+everything),
		"audited":    parse(t, "enforcement: audit\nextends: baseline\n"+releaseSigner),
		"signatures": parse(t, releaseSigner),
		"own": parse(t, twoSigners+`config: {baseImages: [registry.example.com/base/**]}
vulnerabilities: {deny: {cvss: 7}, grace: {high: 14d}}
vex: {signers: [release]}
attestations: [{name: a, predicateType: x, expression: "predicate.a == 1"}]
rules:
- {name: image, expression: "image.packages.all(p, p.name != '') && image.config.uid > 0"}
- {name: whole, expression: "[image].size() == 1"}
- {name: subject, expression: "subject.tag != 'latest'"}
- {name: signed, expression: "signatures.exists(s, s.subjectDigest == subject.digest)", level: warn}
`),
		"overridden": parse(t, everything+"overrides: [{match: {images: ['**']}, content: {shells: warn}, vulnerabilities: {deny: {cvss: 8}}}]\n"),
	}
}

// images are evidence of every kind.
func images() map[string]policy.Evidence {
	vulnerable := func(cvss *float64, severity string, kev bool) policy.Evidence {
		e := goodIndex()
		e.Platforms[1].Vulnerabilities = []sbom.Vulnerability{
			{ID: "CVE-2024-0002", Package: "zlib", Version: "1", CVSS: cvss, Severity: severity, KEV: kev},
			{ID: "CVE-2024-0001", Package: "openssl", Version: "1", CVSS: ref(9.8)},
		}
		return e
	}
	list := map[string]policy.Evidence{
		"good": goodImage(), "index": goodIndex(), "zero": {},
		"high": vulnerable(ref(7.5), "high", false), "low": vulnerable(ref(2.0), "low", false),
		"exploited": vulnerable(nil, "low", true), "unscored": vulnerable(nil, "", false),
	}
	shell := goodImage()
	withShell(&shell)
	list["shell"] = shell
	unsigned := goodIndex()
	unsigned.Signatures = nil
	list["unsigned"] = unsigned
	root := goodImage()
	root.Platforms[0].Config.UID = ref[int64](0)
	list["root"] = root
	gaps := goodImage()
	gaps.Platforms[0].Gaps = []string{"unknown distribution"}
	list["gaps"] = gaps
	old := goodImage()
	old.Database.Built = now.AddDate(0, -1, 0)
	list["old database"] = old
	accepted := vulnerable(ref(9.8), "critical", false)
	accepted.Platforms[1].Vulnerabilities = accepted.Platforms[1].Vulnerabilities[1:]
	accepted.Platforms[1].Vulnerabilities[0].PURL = "pkg:deb/debian/openssl@1"
	accepted.Attestations = []policy.Attestation{
		{Signer: "release", SubjectDigest: digestOf("a"), PredicateType: "https://openvex.dev/ns", Predicate: []byte(openVEX(notAffected, "2026-11-01"))},
		{Signer: "ci", SubjectDigest: digestOf("a"), PredicateType: "x", Predicate: []byte(`{"a": 1}`)},
	}
	for i := range accepted.Platforms {
		accepted.Platforms[i].Config.Labels = map[string]string{"org.opencontainers.image.base.name": "registry.example.com/base/static"}
	}
	list["accepted"] = accepted
	return list
}

func everyEvaluation(t *testing.T, check func(t *testing.T, p *policy.Policy, e policy.Evidence, stage policy.Stage)) {
	t.Helper()
	for policyName, p := range policies(t) {
		for imageName, e := range images() {
			for _, stage := range []policy.Stage{policy.StageBuild, policy.StageAdmission, policy.StageScan} {
				t.Run(fmt.Sprintf("%s/%s/%s", policyName, imageName, stage), func(t *testing.T) {
					check(t, p, e, stage)
				})
			}
		}
	}
}

func deepCopy(t *testing.T, e policy.Evidence) policy.Evidence {
	t.Helper()
	data, err := json.Marshal(e)
	require.NoError(t, err)
	var c policy.Evidence
	require.NoError(t, json.Unmarshal(data, &c))
	return c
}

func TestEvaluateIsPure(t *testing.T) {
	t.Parallel()
	everyEvaluation(t, func(t *testing.T, p *policy.Policy, e policy.Evidence, stage policy.Stage) {
		before, hash := deepCopy(t, e), p.Hash()
		first := p.Evaluate(e, stage, now)
		require.Equal(t, first, p.Evaluate(e, stage, now))
		require.Equal(t, before, deepCopy(t, e))
		require.Equal(t, hash, p.Hash())
		// Stored and read again, the same evidence is judged the same.
		require.Equal(t, first, p.Evaluate(before, stage, now))
	})
}

// Evidence that is missing never helps an image: take any one or two steps away,
// from any place, and what was not allowed stays not allowed; nor does a missing
// fact ever become a reason to deny.
func TestMissingEvidenceNeverHelps(t *testing.T) {
	t.Parallel()
	everyEvaluation(t, func(t *testing.T, p *policy.Policy, e policy.Evidence, stage policy.Stage) {
		whole := p.Evaluate(e, stage, now).Decision
		check := func(removals ...func(*policy.Evidence)) {
			less := withOwnSteps(e)
			for _, remove := range removals {
				remove(&less)
			}
			got := p.Evaluate(less, stage, now).Decision
			require.True(t, got == whole || got == policy.NotDecidable, "%s became %s", whole, got)
		}
		for _, status := range []policy.Status{{}, {State: "halfway"}} {
			for _, remove := range removals(e, status) {
				check(remove)
			}
		}
		steps := removals(e, policy.Status{State: policy.Failed, Error: "gone"})
		for i := range steps {
			for j := range steps[:i+1] {
				check(steps[i], steps[j])
			}
		}
	})
}

// withOwnSteps is a copy whose steps can be changed.
func withOwnSteps(e policy.Evidence) policy.Evidence {
	e.Steps = maps.Clone(e.Steps)
	e.Platforms = slices.Clone(e.Platforms)
	for i := range e.Platforms {
		e.Platforms[i].Steps = maps.Clone(e.Platforms[i].Steps)
	}
	return e
}

// removals are the ways to take one step of the evidence away.
func removals(e policy.Evidence, status policy.Status) []func(*policy.Evidence) {
	list := []func(*policy.Evidence){func(e *policy.Evidence) { e.Database = nil }}
	for _, step := range []policy.Step{policy.StepResolve, policy.StepSignatures} {
		list = append(list, func(e *policy.Evidence) {
			if e.Steps != nil {
				e.Steps[step] = status
			}
		})
	}
	for i := range e.Platforms {
		for _, step := range []policy.Step{policy.StepConfig, policy.StepFiles, policy.StepSBOM, policy.StepVulnerabilities} {
			list = append(list, func(e *policy.Evidence) { e.Platforms[i].Steps[step] = status })
		}
	}
	return list
}

// A step that a policy needs and that is missing is never allowed.
func TestNeededEvidenceIsNeeded(t *testing.T) {
	t.Parallel()
	for name, p := range policies(t) {
		for _, stage := range []policy.Stage{policy.StageBuild, policy.StageAdmission, policy.StageScan} {
			needs := p.Needs(stage)
			for step, needed := range map[policy.Step]bool{
				policy.StepResolve: true, policy.StepConfig: needs.Config, policy.StepSBOM: needs.SBOM, policy.StepVulnerabilities: needs.Vulnerabilities,
			} {
				e := goodImage()
				e.Reference.ByDigest = true
				notRun(step)(&e)
				decision := p.Evaluate(e, stage, now).Decision
				require.Equal(t, !needed, decision == policy.Allow, "%s %s %s", name, stage, step)
			}
		}
	}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	all := policy.Needs{Signatures: true, Config: true, Files: true, SBOM: true, Vulnerabilities: true}
	for body, want := range map[string]policy.Needs{
		"extends: restricted\n" + releaseSigner:           all,
		"extends: restricted\n":                           {Config: true, Files: true, SBOM: true, Vulnerabilities: true},
		releaseSigner:                                     {Signatures: true},
		"reference: {digest: required}\n":                 {},
		"reference: {digest: orSigned}\n" + releaseSigner: {Signatures: true},
		"config: {numericUser: true}\n":                   {Config: true},
		"config: {nonRoot: true}\n":                       {Config: true, Files: true},
		"config: {maxSize: 1GiB}\n":                       {Config: true},
		"config: {maxUncompressedSize: 1GiB}\n":           {Config: true, Files: true},
		"content: {secrets: deny}\n":                      {Config: true, Files: true},
		"content: {secrets: deny, stages: [build]}\n":     {},
		"sbom: {complete: required}\n":                    {SBOM: true},
		"vulnerabilities: {deny: {kev: true}}\n":          {SBOM: true, Vulnerabilities: true},
		"signatures: {required: true, stages: [build]}\n": {},
		"reference: {digest: orSigned, stages: [build]}\n" + strings.Replace(releaseSigner, "{", "{stages: [build], ", 1): {},
	} {
		require.Equal(t, want, parse(t, body).Needs(policy.StageScan), body)
	}
}

func TestEnforcementDemotesFailuresNotIgnorance(t *testing.T) {
	t.Parallel()
	for _, enforcement := range []string{"warn", "audit"} {
		p := parse(t, "enforcement: "+enforcement+"\ncontent: {shells: deny}\n")
		e := goodImage()
		withShell(&e)
		v := p.Evaluate(e, policy.StageScan, now)
		require.Equal(t, policy.Allow, v.Decision)
		f := about(v, policy.RuleShells)[0]
		require.Equal(t, policy.Warn, f.Outcome)
		require.Contains(t, f.Message, "not refused, since enforcement is "+enforcement)

		failed(policy.StepFiles, "gone")(&e)
		require.Equal(t, policy.NotDecidable, p.Evaluate(e, policy.StageScan, now).Decision)
	}
}

// What is known so far is enough to stop, and only a failure is.
func TestDeniedSoFar(t *testing.T) {
	t.Parallel()
	p := parse(t, "extends: restricted\n"+releaseSigner)
	e := goodIndex()
	e.Database = nil
	for i := range e.Platforms {
		e.Platforms[i] = policy.Platform{Name: e.Platforms[i].Name, Digest: e.Platforms[i].Digest, Steps: map[policy.Step]policy.Status{}}
	}
	require.False(t, p.DeniedSoFar(e, policy.StageAdmission, now))
	e.Signatures = nil
	require.True(t, p.DeniedSoFar(e, policy.StageAdmission, now))
	delete(e.Steps, policy.StepSignatures)
	require.False(t, p.DeniedSoFar(e, policy.StageAdmission, now), "nothing was verified yet")
	require.False(t, p.DeniedSoFar(policy.Evidence{}, policy.StageAdmission, now))
	require.False(t, parse(t, "enforcement: warn\nextends: restricted\n").DeniedSoFar(goodImage(), policy.StageAdmission, now))
}

func TestNoPolicyDecidesNothing(t *testing.T) {
	t.Parallel()
	var missing *policy.Policy
	require.Equal(t, policy.NotDecidable, missing.Evaluate(goodImage(), policy.StageScan, now).Decision)
	require.Equal(t, policy.NotDecidable, (&policy.Policy{}).Evaluate(goodImage(), policy.StageScan, now).Decision)
}

func TestOnlyNamedPlatformsAreJudged(t *testing.T) {
	t.Parallel()
	e := goodIndex()
	e.Platforms[1].Config.UID = ref[int64](0)
	require.Equal(t, policy.Deny, parse(t, "config: {nonRoot: true}\n").Evaluate(e, policy.StageScan, now).Decision)
	p := parse(t, "platforms: [linux/amd64]\nconfig: {nonRoot: true}\n")
	require.Equal(t, policy.Allow, p.Evaluate(e, policy.StageScan, now).Decision)

	require.True(t, p.Judges("linux/amd64"))
	require.False(t, p.Judges("linux/amd64evil"))
	require.False(t, p.Judges(""))
	arm := parse(t, "platforms: [linux/arm64, windows/amd64]\nconfig: {nonRoot: true}\n")
	require.True(t, arm.Judges("linux/arm64/v8"))
	require.True(t, arm.Judges("windows/amd64:10.0.20348.2113"))
	require.False(t, arm.Judges("linux/arm"))
}

// The worst comes first, one finding for each id and package, however often the
// package lies in the image.
func TestVulnerabilitiesAreOrdered(t *testing.T) {
	t.Parallel()
	e := goodImage()
	v := func(id string, cvss float64, kev bool) sbom.Vulnerability {
		return sbom.Vulnerability{ID: id, Package: "p", Version: "1", CVSS: ref(cvss), KEV: kev}
	}
	e.Platforms[0].Vulnerabilities = []sbom.Vulnerability{
		v("CVE-4", 5, false), v("CVE-2", 9, false), v("CVE-3", 8, false), v("CVE-2", 9, false), v("CVE-1", 1, true), v("CVE-5", 1, false),
	}
	p := parse(t, "vulnerabilities: {deny: {cvss: 7, kev: true}, warn: {cvss: 4}}\n")
	verdict := p.Evaluate(e, policy.StageScan, now)
	var ids []string
	for _, f := range about(verdict, policy.RuleVulnerabilities) {
		ids = append(ids, f.Vulnerability+" "+string(f.Outcome))
	}
	require.Equal(t, []string{"CVE-1 fail", "CVE-2 fail", "CVE-3 fail", "CVE-4 warn"}, ids)
	require.Len(t, verdict.Decisive(), 3)
	require.Len(t, verdict.With(policy.Warn), 1)
	require.Empty(t, p.Evaluate(goodImage(), policy.StageScan, now).Decisive())
}

func BenchmarkEvaluate(b *testing.B) {
	p, err := policy.Preset("restricted")
	require.NoError(b, err)
	e := goodIndex()
	for i := range 2000 {
		e.Platforms[0].Vulnerabilities = append(e.Platforms[0].Vulnerabilities, sbom.Vulnerability{
			ID: fmt.Sprintf("CVE-2024-%04d", i), Package: "p", Version: "1", CVSS: ref(float64(i % 10)),
		})
	}
	for b.Loop() {
		p.Evaluate(e, policy.StageScan, now)
	}
}
