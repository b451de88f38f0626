package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
)

func TestBaseImageRule(t *testing.T) {
	t.Parallel()
	base := func(name, digest string) func(*policy.Evidence) {
		return config(func(c *policy.Config) {
			c.Labels = map[string]string{"org.opencontainers.image.base.name": name, "org.opencontainers.image.base.digest": digest}
		})
	}
	any := "config: {baseImages: [registry.example.com/base/**, docker.io/library/debian]}\n"
	pinned := "config: {baseImages: ['registry.example.com/base/static@" + digestOf("e") + "']}\n"
	cases := []ruleCase{
		{name: "allowed", policy: any, want: policy.Pass, change: base("registry.example.com/base/static:12", digestOf("f")), says: []string{"built on registry.example.com/base/static:12"}},
		{name: "allowed without tag", policy: any, want: policy.Pass, change: base("registry.example.com/base/static", "")},
		{name: "registry with a port is no tag", policy: any, want: policy.Fail, change: base("registry.example.com:5000/base/static", "")},
		{name: "by digest", policy: any, want: policy.Pass, change: base("index.docker.io/library/debian@"+digestOf("f"), "")},
		{name: "other", policy: any, want: policy.Fail, change: base("registry.example.com/other/static:12", ""), says: []string{"registry.example.com/base/**"}},
		{name: "none", policy: any, want: policy.Fail, says: []string{"does not say what it is built on"}},
		{name: "pinned", policy: pinned, want: policy.Pass, change: base("registry.example.com/base/static:12", digestOf("e"))},
		{name: "pinned to another", policy: pinned, want: policy.Fail, change: base("registry.example.com/base/static:12", digestOf("f"))},
		{name: "pinned and not said", policy: pinned, want: policy.Fail, change: base("registry.example.com/base/static:12", "")},
		{name: "config not read", policy: any, want: policy.Undecided, change: failed(policy.StepConfig, "gone")},
	}
	for i := range cases {
		cases[i].rule = policy.RuleBaseImage
	}
	runRules(t, goodImage, cases)
}

// A base that is known by its layers, of any of its platforms.
func TestKnownBases(t *testing.T) {
	t.Parallel()
	layers := func(ids ...string) func(*policy.Evidence) {
		return config(func(c *policy.Config) { c.DiffIDs = ids })
	}
	a, b, c := digestOf("1"), digestOf("2"), digestOf("3")
	known := "config: {knownBases: [{name: base/one, layers: ['" + a + "', '" + b + "']}, {name: base/two, layers: ['" + c + "']}]}\n"
	either := "config: {baseImages: [registry.example.com/base/**], knownBases: [{name: base/one, layers: ['" + a + "']}]}\n"
	cases := []ruleCase{
		{name: "built on it", policy: known, want: policy.Pass, change: layers(a, b, c), says: []string{"built on base/one: its first 2 layers"}},
		{name: "the base itself", policy: known, want: policy.Pass, change: layers(c)},
		{name: "part of it", policy: known, want: policy.Fail, change: layers(a)},
		{name: "not from the first", policy: known, want: policy.Fail, change: layers(b, a, b), says: []string{"none of the known base images", "base/one, base/two"}},
		{name: "layers not read", policy: known, want: policy.Undecided, change: failed(policy.StepFiles, "gone")},
		{name: "older evidence", policy: known, want: policy.Undecided, change: layers(), says: []string{"does not list the layers"}},
		{name: "by layers, no label", policy: either, want: policy.Pass, change: layers(a, b)},
		{name: "neither", policy: either, want: policy.Fail, change: layers(b), says: []string{"does not say what it is built on"}},
	}
	for i := range cases {
		cases[i].rule = policy.RuleBaseImage
	}
	runRules(t, goodImage, cases)
	require.True(t, parse(t, known).Needs(policy.StageScan).Files, "diff ids are verified by reading the layers")
}

func TestKnownBaseByEvidence(t *testing.T) {
	t.Parallel()
	p := parse(t, "config: {knownBases: [{name: base, evidence: base.json}]}\n")
	base := goodIndex()
	base.Platforms[0].Config.DiffIDs, base.Platforms[1].Config.DiffIDs = []string{digestOf("1")}, []string{digestOf("2")}
	read := func(e policy.Evidence) policy.Read {
		data, err := policy.EncodeEvidence(e)
		require.NoError(t, err)
		return func(string) ([]byte, error) { return data, nil }
	}
	resolved, err := p.Resolve(read(base))
	require.NoError(t, err)
	require.Equal(t, []policy.KnownBase{{Name: "base", Layers: []string{digestOf("1")}}, {Name: "base", Layers: []string{digestOf("2")}}}, resolved.Config.KnownBases)
	require.NotEqual(t, p.Hash(), resolved.Hash())

	_, err = p.Resolve(read(goodIndex()))
	require.ErrorContains(t, err, `reading the base image "base": base.json lists no layers`)
	_, err = p.Resolve(func(string) ([]byte, error) { return []byte("{}"), nil })
	require.ErrorContains(t, err, "base.json")
	for body, want := range map[string]string{
		"config: {knownBases: [{name: a}]}\n":                                                            "config.knownBases[0]: needs either evidence or layers",
		"config: {knownBases: [{name: a, layers: [sha256:00]}]}\n":                                       "is not a diff id",
		"config: {knownBases: [{layers: ['" + digestOf("1") + "']}]}\n":                                  "config.knownBases[0].name: is missing",
		"overrides: [{match: {namespaces: [a]}, config: {knownBases: [{name: a, evidence: b.json}]}}]\n": "write the layers here",
	} {
		_, err := policy.Parse("p.yaml", []byte(head+"content: {shells: deny}\n"+body))
		require.ErrorContains(t, err, want, body)
	}
}
