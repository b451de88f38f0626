package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
)

func TestExplainNamesFieldsAndWhereTheyComeFrom(t *testing.T) {
	t.Parallel()
	p := parse(t, `extends: baseline
content: {shells: deny}
config: {maxSize: 1MiB}
overrides: [{name: system, match: {namespaces: [kube-system]}, content: {shells: warn}}]
`)
	e := goodImage()
	withShell(&e)
	explain := func(namespace, rule string) policy.Explanation {
		_, list := p.For(e.Reference, namespace).Explain(e, policy.StageScan, now)
		for _, x := range list {
			if x.Rule.ID == rule {
				return x
			}
		}
		t.Fatal(rule)
		return policy.Explanation{}
	}
	x := explain("", policy.RuleShells)
	require.Equal(t, policy.Setting{Field: "enforcement", Value: "enforce", Origin: "the preset baseline"}, x.Settings[0])
	require.Equal(t, policy.Setting{Field: "content.shells", Value: "deny", Origin: "test.yaml:5"}, x.Settings[1])
	require.Equal(t, policy.Fail, x.Findings[0].Outcome)

	x = explain("kube-system", policy.RuleShells)
	require.Equal(t, policy.Setting{Field: "content.shells", Value: "warn", Origin: "the override system"}, x.Settings[1])
	require.Equal(t, policy.Warn, x.Findings[0].Outcome)

	require.Equal(t, policy.Setting{Field: "config.maxSize", Value: "1MiB", Origin: "test.yaml:6"}, explain("", policy.RuleSize).Settings[1])
	require.Equal(t, policy.Setting{Field: "config.maxLayers", Value: "0", Origin: "the preset baseline"}, explain("", policy.RuleSize).Settings[3])
	deny := explain("", policy.RuleVulnerabilities).Settings[1]
	require.Contains(t, deny.Value, "cvss: 9")
	require.NotContains(t, deny.Value, "\n")
}
