package policy_test

import (
	"testing"

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
