package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
)

const twoSigners = "signatures: {signers: [{name: release, key: {file: a.pub}}, {name: ci, key: {file: b.pub}}]}\n"

func reference(name string) policy.Reference {
	registry, repository, _ := strings.Cut(name, "/")
	return policy.Reference{Transport: "registry", Registry: registry, Repository: repository}
}

// Every order of specificity, as it is documented: the name of the level that
// won says which override did.
func TestMostSpecificOverrideWins(t *testing.T) {
	t.Parallel()
	// Each override sets its own size, so that the effective one says who won. They
	// stand in an order that is not that of their specificity.
	overrides := map[string]string{
		"9MiB": `{images: ["registry.example.com/team/app"], namespaces: [prod]}`,
		"8MiB": `{images: ["registry.example.com/team/*"], namespaces: [prod]}`,
		"7MiB": `{images: ["**"], namespaces: ["prod*"]}`,
		"6MiB": `{images: ["registry.example.com/team/app"]}`,
		"5MiB": `{images: ["registry.example.com/team/*"]}`,
		"4MiB": `{images: ["registry.example.com/**"]}`,
		"3MiB": `{namespaces: [prod-eu]}`,
		"2MiB": `{namespaces: [prod-*]}`,
	}
	var body strings.Builder
	body.WriteString("config: {maxSize: 1MiB}\noverrides:\n")
	for _, size := range []string{"5MiB", "9MiB", "2MiB", "6MiB", "3MiB", "8MiB", "4MiB", "7MiB"} {
		body.WriteString("- {match: " + overrides[size] + ", config: {maxSize: " + size + "}}\n")
	}
	p := parse(t, body.String())
	for _, c := range []struct{ image, namespace, want string }{
		{"registry.example.com/team/app", "prod", "9MiB"},
		{"registry.example.com/team/web", "prod", "8MiB"},
		{"registry.example.com/other/web", "prod", "7MiB"},
		{"other.example.com/web", "prod-us", "7MiB"},
		{"registry.example.com/team/app", "", "6MiB"},
		{"registry.example.com/team/app", "dev", "6MiB"},
		{"registry.example.com/team/web", "", "5MiB"},
		{"registry.example.com/a/b/c", "", "4MiB"},
		{"other.example.com/web", "", "1MiB"},
		{"other.example.com/web", "dev", "1MiB"},
	} {
		got := p.For(reference(c.image), c.namespace)
		require.Equal(t, c.want, got.Config.MaxSize.String(), "%s in %q", c.image, c.namespace)
		require.Empty(t, got.Overrides)
	}
	// A subject that comes from no registry matches no image.
	require.Equal(t, "3MiB", p.For(policy.Reference{Transport: "oci"}, "prod-eu").Config.MaxSize.String())
	require.Equal(t, "2MiB", p.For(policy.Reference{Transport: "oci"}, "prod-us").Config.MaxSize.String())
}

func TestOverridesAreLaidOverEachOther(t *testing.T) {
	t.Parallel()
	p := parse(t, `extends: restricted
overrides:
- {match: {namespaces: ["team-*"]}, enforcement: warn, content: {shells: warn, secrets: warn}, reference: {warnTags: [edge]}}
- {match: {namespaces: [team-a]}, content: {shells: allow}}
`)
	effective := p.For(reference("registry.example.com/app"), "team-a")
	require.Equal(t, policy.EnforcementWarn, effective.Enforcement, "what the more specific leaves out")
	require.Equal(t, policy.LevelAllow, effective.Content.Shells)
	require.Equal(t, policy.LevelWarn, effective.Content.Secrets)
	require.Equal(t, policy.LevelDeny, effective.Content.DebugTools, "what no override sets")
	require.Equal(t, []string{"edge"}, effective.Reference.Warn)
	require.Len(t, effective.Applied(), 2)
	require.Equal(t, []string{"content.shells"}, effective.Applied()[1].Fields())
	require.Equal(t, []string{"latest"}, p.Reference.Warn, "the policy itself is not changed")
	require.Equal(t, policy.LevelDeny, p.Content.Shells)
}

// Of two that are equally specific the later counts.
func TestLaterOverrideCounts(t *testing.T) {
	t.Parallel()
	p := parse(t, `config: {maxLayers: 1}
overrides:
- {match: {namespaces: [a, b]}, config: {maxLayers: 2}}
- {match: {namespaces: [c, b]}, config: {maxLayers: 3}}
`)
	require.Equal(t, 2, p.For(policy.Reference{}, "a").Config.MaxLayers)
	require.Equal(t, 3, p.For(policy.Reference{}, "b").Config.MaxLayers)
}

// Who forgot to ask For does not judge by the policy without its overrides.
func TestEvaluateLaysImageOverrides(t *testing.T) {
	t.Parallel()
	e := goodImage()
	withShell(&e)
	strict := parse(t, `config: {maxLayers: 9}
overrides: [{name: strict, match: {images: ["registry.example.com/team/**"]}, content: {shells: deny}}]
`)
	v := strict.Evaluate(e, policy.StageScan, now)
	require.Equal(t, policy.Deny, v.Decision)
	require.Contains(t, about(v, policy.RuleResolve)[0].Message, "the policy has an override for it: strict")
	require.True(t, strict.Needs(policy.StageScan).Files)
	require.False(t, strict.For(reference("other.example.com/app"), "").Needs(policy.StageScan).Files)

	lax := parse(t, "content: {shells: deny}\noverrides: [{match: {namespaces: [kube-system]}, enforcement: audit}]\n")
	require.Equal(t, policy.Deny, lax.Evaluate(e, policy.StageScan, now).Decision)
	require.Equal(t, policy.Allow, lax.For(e.Reference, "kube-system").Evaluate(e, policy.StageScan, now).Decision)
}

// The verifier is built for all signers; an override says which of them count.
func TestOverridePicksSigners(t *testing.T) {
	t.Parallel()
	p := parse(t, twoSigners+`overrides:
- {match: {images: ["registry.example.com/team/**"]}, signatures: {signers: [ci]}}
`)
	e := goodImage()
	require.Equal(t, policy.Deny, p.Evaluate(e, policy.StageScan, now).Decision, "signed by release")
	e.Signatures[0].Signer = "ci"
	require.Equal(t, policy.Allow, p.Evaluate(e, policy.StageScan, now).Decision)
	e.Reference.Repository = "other/app"
	require.Equal(t, policy.Allow, p.Evaluate(e, policy.StageScan, now).Decision)
}

func TestOverridesAreWrittenAndHashed(t *testing.T) {
	t.Parallel()
	body := `extends: baseline
overrides: [{name: a, match: {namespaces: ["1"]}, enforcement: audit, config: {requiredLabels: ["1", "true"]}}]
`
	p := parse(t, body)
	data, err := p.YAML()
	require.NoError(t, err)
	again, err := policy.Parse("again.yaml", data)
	require.NoError(t, err, "%s", data)
	require.Equal(t, p.Hash(), again.Hash(), "%s", data)
	require.Equal(t, []string{"1", "true"}, again.For(policy.Reference{}, "1").Config.RequiredLabels)
	require.NotEqual(t, p.Hash(), parse(t, strings.Replace(body, "audit", "warn", 1)).Hash())
	require.NotEqual(t, p.Hash(), parse(t, strings.Replace(body, `"1"]}`, `"2"]}`, 1)).Hash())
}

// What a flag says, it says over every subject.
func TestAdjustmentOutranksOverrides(t *testing.T) {
	t.Parallel()
	p := parse(t, twoSigners+`content: {shells: deny}
overrides:
- {match: {images: ["**"]}, signatures: {required: false}, platforms: [linux/s390x]}
- {match: {images: ["**"]}, signatures: {signers: [ci]}, content: {shells: warn}}
`)
	cli, err := p.Adjust(policy.Adjustment{
		Signers: []policy.Signer{{Name: "release", Key: &policy.Key{Data: publicKey}}}, Platforms: []string{"linux/amd64"},
	})
	require.NoError(t, err)
	effective := cli.For(goodImage().Reference, "")
	require.Equal(t, policy.LevelDeny, effective.Signatures.Required)
	require.Equal(t, "release", effective.Signatures.Signers[0].Name)
	require.Equal(t, []string{"linux/amd64"}, effective.Platforms)
	require.Equal(t, policy.LevelWarn, effective.Content.Shells)

	skipped, err := p.Adjust(policy.Adjustment{SkipSignatures: true})
	require.NoError(t, err)
	require.False(t, skipped.For(goodImage().Reference, "").Needs(policy.StageScan).Signatures)
}
