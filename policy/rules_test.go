package policy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// ruleCase is one rule's answer to good evidence with one thing changed.
type ruleCase struct {
	name   string
	policy string // laid over nothing
	change func(*policy.Evidence)
	stage  policy.Stage // default: scan
	rule   string
	want   policy.Outcome // of the rule's first finding
	says   []string       // somewhere in message, expected, actual or remedy
}

func runRules(t *testing.T, base func() policy.Evidence, cases []ruleCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.rule+": "+c.name, func(t *testing.T) {
			t.Parallel()
			p := parse(t, c.policy)
			e := base()
			if c.change != nil {
				c.change(&e)
			}
			stage := c.stage
			if stage == "" {
				stage = policy.StageScan
			}
			v := p.Evaluate(e, stage, now)
			findings := about(v, c.rule)
			require.NotEmpty(t, findings, "%+v", v)
			f := findings[0]
			require.Equal(t, c.want, f.Outcome, "%+v", f)
			for _, text := range c.says {
				require.Contains(t, f.Message+"\n"+f.Expected+"\n"+f.Actual+"\n"+f.Remedy, text)
			}
		})
	}
}

func failed(step policy.Step, err string) func(*policy.Evidence) {
	return func(e *policy.Evidence) {
		status := policy.Status{State: policy.Failed, Error: err, Remedy: "mend it"}
		if step == policy.StepResolve || step == policy.StepSignatures {
			e.Steps[step] = status
			return
		}
		e.Platforms[0].Steps[step] = status
	}
}

func notRun(step policy.Step) func(*policy.Evidence) {
	return func(e *policy.Evidence) {
		delete(e.Steps, step)
		delete(e.Platforms[0].Steps, step)
	}
}

func config(change func(*policy.Config)) func(*policy.Evidence) {
	return func(e *policy.Evidence) { change(&e.Platforms[0].Config) }
}

func TestResolveRule(t *testing.T) {
	t.Parallel()
	mild := "extends: baseline\n"
	runRules(t, goodImage, []ruleCase{
		{name: "good", policy: mild, rule: policy.RuleResolve, want: policy.Pass, says: []string{digestOf("a"), "1 platform"}},
		{name: "other version", policy: mild, rule: policy.RuleResolve, want: policy.Undecided, says: []string{`version "9"`},
			change: func(e *policy.Evidence) { e.SchemaVersion = "9" }},
		{name: "zero evidence", policy: mild, rule: policy.RuleResolve, want: policy.Undecided,
			change: func(e *policy.Evidence) { *e = policy.Evidence{} }},
		{name: "unknown stage", policy: mild, stage: "deploy", rule: policy.RuleResolve, want: policy.Undecided, says: []string{`"deploy"`}},
		{name: "failed", policy: mild, rule: policy.RuleResolve, want: policy.Undecided, says: []string{"no route", "mend it"},
			change: failed(policy.StepResolve, "no route")},
		{name: "no digest", policy: mild, rule: policy.RuleResolve, want: policy.Undecided,
			change: func(e *policy.Evidence) { e.Digest = "sha256:short" }},
		{name: "no platforms", policy: mild, rule: policy.RuleResolve, want: policy.Undecided, says: []string{"none"},
			change: func(e *policy.Evidence) { e.Platforms = nil }},
		{name: "named platform missing", policy: mild + "platforms: [linux/amd64, linux/s390x]\n", rule: policy.RuleResolve,
			want: policy.Undecided, says: []string{"linux/s390x", "linux/amd64"}},
		{name: "platform without digest", policy: mild, rule: policy.RuleResolve, want: policy.Undecided,
			change: func(e *policy.Evidence) { e.Platforms[0].Digest = "" }},
	})
}

func TestReferenceRules(t *testing.T) {
	t.Parallel()
	byDigest := func(e *policy.Evidence) { e.Reference.ByDigest, e.Reference.Tag = true, "" }
	local := func(e *policy.Evidence) {
		e.Reference = policy.Reference{Typed: "oci:dir", Transport: "oci"}
	}
	unparsed := func(e *policy.Evidence) { e.Reference = policy.Reference{}; failed(policy.StepResolve, "down")(e) }
	registries := "reference: {registries: [registry.example.com/team/**, docker.io/library/*]}\n"
	tags := "reference: {denyTags: [latest, '*-dev'], warnTags: ['v0*']}\n"
	tag := func(tag string) func(*policy.Evidence) { return func(e *policy.Evidence) { e.Reference.Tag = tag } }
	required := "reference: {digest: required}\n"
	orSigned := "reference: {digest: orSigned}\n"
	signer := orSigned + releaseSigner
	runRules(t, goodImage, []ruleCase{
		{name: "allowed", policy: registries, rule: policy.RuleRegistry, want: policy.Pass},
		{name: "hub by its other name", policy: registries, rule: policy.RuleRegistry, want: policy.Pass,
			change: func(e *policy.Evidence) {
				e.Reference.Registry, e.Reference.Repository = "index.docker.io", "library/alpine"
			}},
		{name: "other team", policy: registries, rule: policy.RuleRegistry, want: policy.Fail, says: []string{"registry.example.com/other/app", "registry.example.com/team/**"},
			change: func(e *policy.Evidence) { e.Reference.Repository = "other/app" }},
		{name: "prefix of a name is not a segment", policy: registries, rule: policy.RuleRegistry, want: policy.Fail,
			change: func(e *policy.Evidence) { e.Reference.Repository = "team-evil/app" }},
		{name: "local before push", policy: registries, stage: policy.StageBuild, rule: policy.RuleRegistry, want: policy.Skipped, change: local},
		{name: "local in a scan", policy: registries, rule: policy.RuleRegistry, want: policy.Fail, change: local},
		{name: "unknown", policy: registries, rule: policy.RuleRegistry, want: policy.Undecided, change: unparsed},
		{name: "denied though unresolved", policy: registries, rule: policy.RuleRegistry, want: policy.Fail,
			change: func(e *policy.Evidence) {
				e.Reference.Registry = "evil.example.com"
				failed(policy.StepResolve, "down")(e)
			}},

		{name: "good", policy: tags, rule: policy.RuleTag, want: policy.Pass},
		{name: "latest", policy: tags, rule: policy.RuleTag, want: policy.Fail, change: tag("latest"), says: []string{"registry.example.com/team/app@" + digestOf("a")}},
		{name: "glob", policy: tags, rule: policy.RuleTag, want: policy.Fail, change: tag("v2-dev")},
		{name: "warned", policy: tags, rule: policy.RuleTag, want: policy.Warn, change: tag("v0.9")},
		{name: "only warned", policy: "extends: baseline\n", rule: policy.RuleTag, want: policy.Warn, change: tag("latest")},
		{name: "by digest", policy: tags, rule: policy.RuleTag, want: policy.Pass, change: byDigest},
		{name: "local", policy: tags, stage: policy.StageBuild, rule: policy.RuleTag, want: policy.Skipped, change: local},
		{name: "unknown", policy: tags, rule: policy.RuleTag, want: policy.Undecided, change: unparsed},

		{name: "by digest", policy: required, rule: policy.RuleDigest, want: policy.Pass, change: byDigest},
		{name: "by tag", policy: required, rule: policy.RuleDigest, want: policy.Fail, says: []string{`tag "v1"`, "@" + digestOf("a")}},
		{name: "unresolved", policy: required, rule: policy.RuleDigest, want: policy.Undecided, change: notRun(policy.StepResolve)},
		{name: "by tag and signed", policy: signer, rule: policy.RuleDigest, want: policy.Pass, says: []string{"the image is signed by release"}},
		{name: "by tag, no signer named", policy: orSigned, rule: policy.RuleDigest, want: policy.Fail, says: []string{"no signer is named"}},
		{name: "by tag, not signed", policy: signer, rule: policy.RuleDigest, want: policy.Fail, says: []string{"no signature was found"},
			change: func(e *policy.Evidence) { e.Signatures = nil }},
		{name: "by tag, not verified", policy: signer, rule: policy.RuleDigest, want: policy.Undecided, change: notRun(policy.StepSignatures)},
		{name: "local before push", policy: required, stage: policy.StageBuild, rule: policy.RuleDigest, want: policy.Skipped, change: local},
		{name: "other stage", policy: "reference: {digest: required, stages: [admission]}\n", rule: policy.RuleDigest, want: policy.Skipped},
	})
}

func TestSignatureRule(t *testing.T) {
	t.Parallel()
	sign := func(signatures ...policy.Signature) func(*policy.Evidence) {
		return func(e *policy.Evidence) { e.Signatures = signatures }
	}
	by := func(signer, digest string) policy.Signature {
		return policy.Signature{Signer: signer, SubjectDigest: digestOf(digest)}
	}
	two := "signatures: {atLeast: 2, signers: [{name: release, key: {file: a.pub}}, {name: ci, key: {file: b.pub}}]}\n"
	runRules(t, goodIndex, []ruleCase{
		{name: "index", policy: releaseSigner, rule: policy.RuleSignature, want: policy.Pass, says: []string{"index is signed by release"}},
		{name: "every platform", policy: releaseSigner, rule: policy.RuleSignature, want: policy.Pass, says: []string{"every platform image is signed by release"},
			change: sign(by("release", "b"), by("release", "c"))},
		{name: "one platform of two", policy: releaseSigner, rule: policy.RuleSignature, want: policy.Fail, change: sign(by("release", "b"))},
		{name: "one platform of two, the other not judged", policy: releaseSigner + "platforms: [linux/amd64]\n", rule: policy.RuleSignature,
			want: policy.Pass, change: sign(by("release", "b"))},
		{name: "another image", policy: releaseSigner, rule: policy.RuleSignature, want: policy.Fail, change: sign(by("release", "d"))},
		{name: "another signer", policy: releaseSigner, rule: policy.RuleSignature, want: policy.Fail, change: sign(by("mallory", "a")),
			says: []string{"cosign sign registry.example.com/team/app@" + digestOf("a")}},
		{name: "one signer twice is one", policy: two, rule: policy.RuleSignature, want: policy.Fail, change: sign(by("ci", "a"), by("ci", "a")),
			says: []string{"signed by ci, which is 1 of 2 signers", "2 of the signers release, ci"}},
		{name: "two signers", policy: two, rule: policy.RuleSignature, want: policy.Pass, change: sign(by("ci", "a"), by("release", "a")),
			says: []string{"index is signed by ci, release"}},
		{name: "index by one, platforms by the other", policy: two, rule: policy.RuleSignature, want: policy.Pass,
			change: sign(by("ci", "a"), by("release", "b"), by("release", "c"))},
		{name: "warned only", policy: "extends: baseline\nsignatures: {required: warn, signers: [{name: release, key: {file: a.pub}}]}\n",
			rule: policy.RuleSignature, want: policy.Warn, change: sign()},
		{name: "failed, yet enough", policy: releaseSigner, rule: policy.RuleSignature, want: policy.Pass, change: failed(policy.StepSignatures, "fallback tag: 503")},
	})
	runRules(t, goodImage, []ruleCase{
		{name: "image", policy: releaseSigner, rule: policy.RuleSignature, want: policy.Pass, says: []string{"image is signed by release"}},
		{name: "no platform known", policy: releaseSigner, rule: policy.RuleSignature, want: policy.Undecided,
			change: func(e *policy.Evidence) { e.Signatures, e.Platforms = nil, nil }},
		{name: "rejected", policy: releaseSigner, rule: policy.RuleSignature, want: policy.Fail, says: []string{"2 attachments rejected: wrong key"},
			change: func(e *policy.Evidence) {
				e.Signatures, e.Rejected = nil, []policy.Rejection{{Reason: "wrong key"}, {Reason: "wrong key"}}
			}},
		{name: "unread", policy: releaseSigner, rule: policy.RuleSignature, want: policy.Undecided, says: []string{"too large"},
			change: func(e *policy.Evidence) {
				e.Signatures, e.Rejected = nil, []policy.Rejection{{Reason: "too large", Unread: true}}
			}},
		{name: "unread, yet enough", policy: releaseSigner, rule: policy.RuleSignature, want: policy.Pass,
			change: func(e *policy.Evidence) { e.Rejected = []policy.Rejection{{Reason: "too large", Unread: true}} }},
		{name: "failed", policy: releaseSigner, rule: policy.RuleSignature, want: policy.Undecided, says: []string{"503", "mend it"},
			change: func(e *policy.Evidence) { e.Signatures = nil; failed(policy.StepSignatures, "503")(e) }},
		{name: "not run", policy: releaseSigner, rule: policy.RuleSignature, want: policy.Undecided, change: notRun(policy.StepSignatures)},
		{name: "other stage", policy: "signatures: {stages: [admission], signers: [{name: release, key: {file: a.pub}}]}\n", rule: policy.RuleSignature, want: policy.Skipped},
	})
}

func TestConfigRules(t *testing.T) {
	t.Parallel()
	nonRoot, group, numeric := "config: {nonRoot: true}\n", "config: {nonRootGroup: deny}\n", "config: {numericUser: true}\n"
	runnable := "config: {entrypointRunnable: deny}\n"
	user := func(name string, uid, gid *int64) func(*policy.Evidence) {
		return config(func(c *policy.Config) { c.User, c.UID, c.GID = name, uid, gid })
	}
	runRules(t, goodImage, []ruleCase{
		{name: "good", policy: nonRoot, rule: policy.RuleNonRoot, want: policy.Pass, says: []string{"uid 10001"}},
		{name: "no user", policy: nonRoot, rule: policy.RuleNonRoot, want: policy.Fail, change: user("", ref[int64](0), nil), says: []string{"no user is set", "USER 10001"}},
		{name: "uid 0 by another name", policy: nonRoot, rule: policy.RuleNonRoot, want: policy.Fail, change: user("toor", ref[int64](0), nil), says: []string{`"toor"`}},
		{name: "unknown name", policy: nonRoot, rule: policy.RuleNonRoot, want: policy.Fail, says: []string{"cannot start", "no such user"},
			change: config(func(c *policy.Config) { c.User, c.UID, c.UserError = "app", nil, "no such user in /etc/passwd" })},
		{name: "name, files unread", policy: nonRoot, rule: policy.RuleNonRoot, want: policy.Undecided, says: []string{"layer is gone"},
			change: func(e *policy.Evidence) { user("app", nil, nil)(e); failed(policy.StepFiles, "layer is gone")(e) }},
		{name: "name, files not read yet", policy: nonRoot, rule: policy.RuleNonRoot, want: policy.Undecided,
			change: func(e *policy.Evidence) { user("app", nil, nil)(e); notRun(policy.StepFiles)(e) }},
		{name: "nobody knows", policy: nonRoot, rule: policy.RuleNonRoot, want: policy.Undecided, change: user("app", nil, nil)},
		{name: "uid that wraps to root", policy: nonRoot, rule: policy.RuleNonRoot, want: policy.Fail, change: user("4294967296", ref[int64](1<<32), nil)},
		{name: "config failed", policy: nonRoot, rule: policy.RuleNonRoot, want: policy.Undecided, change: failed(policy.StepConfig, "config is gone")},

		{name: "good", policy: group, rule: policy.RuleNonRootGroup, want: policy.Pass},
		{name: "gid 0", policy: group, rule: policy.RuleNonRootGroup, want: policy.Fail, change: user("1", ref[int64](1), ref[int64](0))},
		{name: "unknown", policy: group, rule: policy.RuleNonRootGroup, want: policy.Undecided, change: user("1", ref[int64](1), nil)},
		{name: "files unread", policy: group, rule: policy.RuleNonRootGroup, want: policy.Undecided, says: []string{"gone"},
			change: func(e *policy.Evidence) {
				user("1", ref[int64](1), nil)(e)
				failed(policy.StepFiles, "gone")(e)
			}},

		{name: "good", policy: numeric, rule: policy.RuleNumericUser, want: policy.Pass},
		{name: "name", policy: numeric, rule: policy.RuleNumericUser, want: policy.Fail, change: user("app:app", ref[int64](7), nil), says: []string{"kubelet", "USER 7"}},
		{name: "none", policy: numeric, rule: policy.RuleNumericUser, want: policy.Fail, change: user("", ref[int64](0), nil)},
		{name: "config not read", policy: numeric, rule: policy.RuleNumericUser, want: policy.Undecided, change: notRun(policy.StepConfig)},

		{name: "good", policy: runnable, rule: policy.RuleEntrypoint, want: policy.Pass},
		{name: "not executable", policy: runnable, rule: policy.RuleEntrypoint, want: policy.Fail, says: []string{"/app is 0600", `"/app"`},
			change: config(func(c *policy.Config) { c.Runnable = &policy.Runnable{Reason: "/app is 0600 and belongs to root"} })},
		{name: "unknown", policy: runnable, rule: policy.RuleEntrypoint, want: policy.Undecided, change: config(func(c *policy.Config) { c.Runnable = nil })},
		{name: "files unread", policy: runnable, rule: policy.RuleEntrypoint, want: policy.Undecided, change: failed(policy.StepFiles, "gone")},

		{name: "good", policy: "config: {maxSize: 10MiB, maxLayers: 2, maxUncompressedSize: 30MiB}\n", rule: policy.RuleSize, want: policy.Pass},
		{name: "compressed", policy: "config: {maxSize: 9MiB}\n", rule: policy.RuleSize, want: policy.Fail, says: []string{"10.0 MiB", "9MiB", "/opt (20.0 MiB)"},
			change: func(e *policy.Evidence) {
				e.Platforms[0].Size.Largest = []policy.DirectorySize{{Path: "/opt", Bytes: 20 << 20}}
			}},
		{name: "layers", policy: "config: {maxLayers: 1}\n", rule: policy.RuleSize, want: policy.Fail, says: []string{"2 layers", "1 layer"}},
		{name: "uncompressed", policy: "config: {maxUncompressedSize: 1MiB}\n", rule: policy.RuleSize, want: policy.Fail, says: []string{"30.0 MiB"}},
		{name: "uncompressed, files unread", policy: "config: {maxUncompressedSize: 1MiB}\n", rule: policy.RuleSize, want: policy.Undecided, change: failed(policy.StepFiles, "gone")},

		{name: "good", policy: "config: {requiredLabels: [org.opencontainers.image.source]}\n", rule: policy.RuleLabels, want: policy.Pass},
		{name: "missing", policy: "config: {requiredLabels: [team]}\n", rule: policy.RuleLabels, want: policy.Fail, says: []string{"LABEL team="}},
		{name: "empty", policy: "config: {requiredLabels: [team]}\n", rule: policy.RuleLabels, want: policy.Fail,
			change: config(func(c *policy.Config) { c.Labels = map[string]string{"team": " "} })},

		{name: "good", policy: "config: {denyPorts: [22]}\n", rule: policy.RulePorts, want: policy.Pass, change: config(func(c *policy.Config) { c.ExposedPorts = []string{"8022/tcp"} })},
		{name: "any protocol", policy: "config: {denyPorts: [22]}\n", rule: policy.RulePorts, want: policy.Fail, change: config(func(c *policy.Config) { c.ExposedPorts = []string{"22/udp"} })},
		{name: "other protocol", policy: "config: {denyPorts: [22/tcp]}\n", rule: policy.RulePorts, want: policy.Pass, change: config(func(c *policy.Config) { c.ExposedPorts = []string{"22/udp"} })},
		{name: "protocol left out", policy: "config: {denyPorts: [22/tcp]}\n", rule: policy.RulePorts, want: policy.Fail, change: config(func(c *policy.Config) { c.ExposedPorts = []string{"22"} })},
		{name: "skipped", policy: "extends: baseline\nconfig: {stages: [build]}\n", rule: policy.RuleNonRoot, want: policy.Skipped},
	})
}

func TestContentRules(t *testing.T) {
	t.Parallel()
	found := func(class policy.Class, paths ...string) func(*policy.Evidence) {
		return func(e *policy.Evidence) {
			for _, path := range paths {
				e.Platforms[0].Content = append(e.Platforms[0].Content, policy.Content{
					Class: class, Path: path, Via: "path", Name: "thing", Layer: digestOf("f"),
				})
			}
		}
	}
	for rule, of := range map[string]struct {
		field string
		class policy.Class
	}{
		policy.RuleShells:          {"shells", policy.ClassShell},
		policy.RuleInterpreters:    {"interpreters", policy.ClassInterpreter},
		policy.RuleDebugTools:      {"debugTools", policy.ClassDebugTool},
		policy.RulePackageManagers: {"packageManagers", policy.ClassPackageManager},
		policy.RuleSetuid:          {"setuid", policy.ClassSetuid},
		policy.RuleSecrets:         {"secrets", policy.ClassSecret},
	} {
		deny := "content: {" + of.field + ": deny}\n"
		warn := "extends: baseline\ncontent: {" + of.field + ": warn}\n"
		runRules(t, goodImage, []ruleCase{
			{name: "none", policy: deny, rule: rule, want: policy.Pass},
			{name: "one", policy: deny, rule: rule, want: policy.Fail, change: found(of.class, "/x"), says: []string{"/x (thing, by path, layer sha256:ffffffffffff)"}},
			{name: "many", policy: deny, rule: rule, want: policy.Fail, change: found(of.class, "/1", "/2", "/3", "/4", "/5", "/6", "/7"), says: []string{"7 ", "and 2 more"}},
			{name: "warned", policy: warn, rule: rule, want: policy.Warn, change: found(of.class, "/x")},
			{name: "files unread", policy: deny, rule: rule, want: policy.Undecided, change: failed(policy.StepFiles, "gone"), says: []string{"gone", "mend it"}},
			{name: "files unread, though only warned", policy: warn, rule: rule, want: policy.Undecided, change: failed(policy.StepFiles, "gone")},
			{name: "not run", policy: deny, rule: rule, want: policy.Undecided, change: notRun(policy.StepConfig)},
			{name: "hostile name", policy: deny, rule: rule, want: policy.Fail, change: found(of.class, "/\x1b[2J\u202e"), says: []string{`/\u001b[2J\u202e (`}},
		})
	}
}

func TestSBOMAndDatabaseRules(t *testing.T) {
	t.Parallel()
	complete, cvss := "sbom: {complete: required}\n", "vulnerabilities: {deny: {cvss: 7}, database: {maxAge: 5d}}\n"
	built := func(at time.Time) func(*policy.Evidence) {
		return func(e *policy.Evidence) { e.Database.Built = at }
	}
	runRules(t, goodImage, []ruleCase{
		{name: "good", policy: complete, rule: policy.RuleSBOM, want: policy.Pass, says: []string{"1 package"}},
		{name: "gap", policy: complete, rule: policy.RuleSBOM, want: policy.Undecided, says: []string{"unknown distribution"},
			change: func(e *policy.Evidence) { e.Platforms[0].Gaps = []string{"unknown distribution"} }},
		{name: "gap ignored", policy: cvss, rule: policy.RuleSBOM, want: policy.Skipped,
			change: func(e *policy.Evidence) { e.Platforms[0].Gaps = []string{"unknown distribution"} }},
		{name: "failed", policy: complete, rule: policy.RuleSBOM, want: policy.Undecided, change: failed(policy.StepSBOM, "gone")},

		{name: "fresh", policy: cvss, rule: policy.RuleVulnerabilitiesAge, want: policy.Pass},
		{name: "at the limit", policy: cvss, rule: policy.RuleVulnerabilitiesAge, want: policy.Pass, change: built(now.Add(-5 * 24 * time.Hour))},
		{name: "old", policy: cvss, rule: policy.RuleVulnerabilitiesAge, want: policy.Undecided, change: built(now.Add(-5*24*time.Hour - time.Second)),
			says: []string{"5 days old", "imagegate db update"}},
		{name: "old, any age allowed", policy: "vulnerabilities: {deny: {cvss: 7}}\n", rule: policy.RuleVulnerabilitiesAge, want: policy.Pass, change: built(now.AddDate(-9, 0, 0))},
		{name: "no time", policy: cvss, rule: policy.RuleVulnerabilitiesAge, want: policy.Undecided, change: built(time.Time{})},
		{name: "clock a little behind", policy: cvss, rule: policy.RuleVulnerabilitiesAge, want: policy.Pass, change: built(now.Add(time.Hour))},
		{name: "from the future", policy: cvss, rule: policy.RuleVulnerabilitiesAge, want: policy.Undecided, change: built(now.Add(25 * time.Hour))},
		{name: "none", policy: cvss, rule: policy.RuleVulnerabilitiesAge, want: policy.Undecided, says: []string{"imagegate db update"},
			change: func(e *policy.Evidence) { e.Database = nil }},
		{name: "none, and matching knows why", policy: cvss, rule: policy.RuleVulnerabilitiesAge, want: policy.Undecided, says: []string{"database is corrupt", "mend it"},
			change: func(e *policy.Evidence) {
				e.Database = nil
				failed(policy.StepVulnerabilities, "database is corrupt")(e)
			}},
	})
}

func TestVulnerabilityRule(t *testing.T) {
	t.Parallel()
	vulnerable := func(change func(*sbom.Vulnerability)) func(*policy.Evidence) {
		return func(e *policy.Evidence) {
			v := sbom.Vulnerability{
				ID: "CVE-2024-0001", Aliases: []string{"GHSA-1"}, Package: "libssl3", Version: "3.0.1", Type: "deb", Namespace: "debian:distro:debian:12",
				Severity: sbom.SeverityHigh, CVSS: ref(7.5), ScoreSource: "nvd", FixState: sbom.FixFixed, FixedIn: []string{"3.0.15-1~deb12u1"},
			}
			change(&v)
			e.Platforms[0].Vulnerabilities = append(e.Platforms[0].Vulnerabilities, v)
		}
	}
	unscored := func(severity string) func(*policy.Evidence) {
		return vulnerable(func(v *sbom.Vulnerability) { v.CVSS, v.Severity = nil, severity })
	}
	as := func(*sbom.Vulnerability) {}
	rules := func(fields string) string { return "vulnerabilities: {" + fields + "}\n" }
	seven := rules("deny: {cvss: 7.0}")
	negligible := vulnerable(func(v *sbom.Vulnerability) { v.Severity, v.CVSS = sbom.SeverityNegligible, ref(9.8) })
	runRules(t, goodImage, []ruleCase{
		{name: "none", policy: seven, rule: policy.RuleVulnerabilities, want: policy.Pass, says: []string{"0 vulnerabilities in 1 package"}},
		{name: "above", policy: seven, rule: policy.RuleVulnerabilities, want: policy.Fail, change: vulnerable(as),
			says: []string{"CVE-2024-0001 in libssl3 3.0.1 (deb): CVSS 7.5 (nvd); fixed in 3.0.15-1~deb12u1", "upgrade libssl3 to 3.0.15-1~deb12u1", "CVSS below 7.0"}},
		{name: "below", policy: rules("deny: {cvss: 7.6}"), rule: policy.RuleVulnerabilities, want: policy.Pass, change: vulnerable(as)},
		{name: "warned", policy: rules("deny: {cvss: 9}, warn: {cvss: 7}"), rule: policy.RuleVulnerabilities, want: policy.Warn, change: vulnerable(as)},
		{name: "by severity", policy: rules("deny: {severity: high}"), rule: policy.RuleVulnerabilities, want: policy.Fail, change: vulnerable(as), says: []string{"severity high"}},
		{name: "below severity", policy: rules("deny: {severity: critical}"), rule: policy.RuleVulnerabilities, want: policy.Pass, change: vulnerable(as)},
		{name: "severity of the score where the source has none", policy: rules("deny: {severity: high}"), rule: policy.RuleVulnerabilities, want: policy.Fail,
			change: vulnerable(func(v *sbom.Vulnerability) { v.Severity = sbom.SeverityUnknown })},
		{name: "exploited", policy: rules("deny: {kev: true}"), rule: policy.RuleVulnerabilities, want: policy.Fail, says: []string{"KEV"},
			change: vulnerable(func(v *sbom.Vulnerability) { v.KEV, v.CVSS = true, ref(2.0) })},
		{name: "likely", policy: rules("deny: {epss: 0.5}"), rule: policy.RuleVulnerabilities, want: policy.Fail, says: []string{"EPSS 0.97"},
			change: vulnerable(func(v *sbom.Vulnerability) { v.EPSS = ref(0.97) })},
		{name: "likelihood unknown", policy: rules("deny: {epss: 0.5}"), rule: policy.RuleVulnerabilities, want: policy.Pass, change: vulnerable(as)},

		{name: "unscored, by word", policy: seven, rule: policy.RuleVulnerabilities, want: policy.Fail, change: unscored(sbom.SeverityHigh), says: []string{"severity high, not scored"}},
		{name: "unscored, word may be above", policy: rules("deny: {cvss: 8.5}"), rule: policy.RuleVulnerabilities, want: policy.Fail, change: unscored(sbom.SeverityHigh)},
		{name: "unscored, word below", policy: seven, rule: policy.RuleVulnerabilities, want: policy.Pass, change: unscored(sbom.SeverityMedium)},
		{name: "unscored, no word", policy: seven, rule: policy.RuleVulnerabilities, want: policy.Undecided, change: unscored(sbom.SeverityUnknown)},
		{name: "unscored, no word, fix not asked for", policy: rules("deny: {cvss: 7}, onlyFixed: true"), rule: policy.RuleVulnerabilities, want: policy.Pass,
			change: vulnerable(func(v *sbom.Vulnerability) { v.CVSS, v.Severity, v.FixState, v.FixedIn = nil, "", sbom.FixUnknown, nil })},
		{name: "unscored denied", policy: rules("deny: {cvss: 7}, unscored: deny"), rule: policy.RuleVulnerabilities, want: policy.Fail, change: unscored(sbom.SeverityLow)},
		{name: "unscored ignored", policy: rules("deny: {cvss: 7}, unscored: ignore"), rule: policy.RuleVulnerabilities, want: policy.Pass, change: unscored(sbom.SeverityCritical)},
		{name: "no score of CVSS is none", policy: seven, rule: policy.RuleVulnerabilities, want: policy.Fail,
			change: vulnerable(func(v *sbom.Vulnerability) { v.CVSS = ref(-3.0) })},

		{name: "negligible for its distribution", policy: seven, rule: policy.RuleVulnerabilities, want: policy.Pass, change: negligible},
		{name: "negligible, set aside", policy: rules("deny: {cvss: 7}, distributionAssessment: ignore"), rule: policy.RuleVulnerabilities, want: policy.Fail, change: negligible,
			says: []string{"CVSS 9.8", "severity negligible"}},
		{name: "negligible, yet exploited", policy: rules("deny: {cvss: 7, kev: true}"), rule: policy.RuleVulnerabilities, want: policy.Fail,
			change: vulnerable(func(v *sbom.Vulnerability) { v.Severity, v.KEV = sbom.SeverityNegligible, true })},

		{name: "not fixed", policy: rules("deny: {cvss: 7}, onlyFixed: true"), rule: policy.RuleVulnerabilities, want: policy.Pass,
			change: vulnerable(func(v *sbom.Vulnerability) { v.FixState, v.FixedIn = sbom.FixWontFix, nil })},
		{name: "fixed", policy: rules("deny: {cvss: 7}, onlyFixed: true"), rule: policy.RuleVulnerabilities, want: policy.Fail, change: vulnerable(as)},
		{name: "no fix", policy: seven, rule: policy.RuleVulnerabilities, want: policy.Fail, says: []string{"will not be fixed", "exception"},
			change: vulnerable(func(v *sbom.Vulnerability) { v.FixState, v.FixedIn = sbom.FixWontFix, nil })},

		{name: "matching failed", policy: seven, rule: policy.RuleVulnerabilities, want: policy.Undecided, change: failed(policy.StepVulnerabilities, "gone")},
		{name: "no list", policy: seven, rule: policy.RuleVulnerabilities, want: policy.Undecided, change: notRun(policy.StepSBOM)},
	})
}
