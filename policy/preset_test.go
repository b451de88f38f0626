package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
)

func TestPresetsAndStarterParse(t *testing.T) {
	t.Parallel()
	for _, name := range policy.PresetNames() {
		p, err := policy.Preset(name)
		require.NoError(t, err, name)
		require.Equal(t, name, p.Name())
	}
	p, err := policy.Parse("starter.yaml", policy.Init())
	require.NoError(t, err)
	require.Equal(t, policy.BaseRestricted, p.Extends)

	_, err = policy.Preset("restricte")
	require.EqualError(t, err, `unknown preset "restricte": did you mean "restricted"?`)
}

func TestRestrictedAllowsWhatIsGood(t *testing.T) {
	t.Parallel()
	p := parse(t, "extends: restricted\n"+releaseSigner)
	for _, e := range []policy.Evidence{goodImage(), goodIndex()} {
		v := p.Evaluate(e, policy.StageAdmission, now)
		require.Equal(t, policy.Allow, v.Decision, "%+v", v.Findings)
	}
}

// Without a policy restricted applies, and without a signer it says which flags
// add one.
func TestRestrictedWithoutSignerNamesTheFlags(t *testing.T) {
	t.Parallel()
	p, err := policy.Preset("restricted")
	require.NoError(t, err)
	v := p.Evaluate(goodImage(), policy.StageBuild, now)
	require.Equal(t, policy.Deny, v.Decision)
	f := about(v, policy.RuleSignature)
	require.Len(t, f, 1)
	require.Equal(t, policy.Fail, f[0].Outcome)
	require.Contains(t, f[0].Remedy, "--key FILE")
	require.Contains(t, f[0].Remedy, "--certificate-oidc-issuer")
	unsigned, err := p.Adjust(policy.Adjustment{SkipSignatures: true})
	require.NoError(t, err)
	require.Equal(t, policy.Allow, unsigned.Evaluate(goodImage(), policy.StageBuild, now).Decision)
}

// A registry that is down is not a reason to deny, whatever else is missing.
func TestNothingResolvedIsUndecided(t *testing.T) {
	t.Parallel()
	p, err := policy.Preset("restricted")
	require.NoError(t, err)
	e := policy.Evidence{
		SchemaVersion: policy.EvidenceVersion,
		Reference:     policy.Reference{Typed: "registry.example.com/app:v1"},
		Steps: map[policy.Step]policy.Status{policy.StepResolve: {
			State: policy.Failed, Error: "registry answered 503", Transient: true,
		}},
	}
	v := p.Evaluate(e, policy.StageBuild, now)
	require.Equal(t, policy.NotDecidable, v.Decision, "%+v", v.Findings)
	f := about(v, policy.RuleResolve)[0]
	require.Equal(t, "could not be judged: registry answered 503", f.Message)
	require.Equal(t, "try again: the reason may be gone in a minute", f.Remedy)
}

func TestPresetsAgainstBadImages(t *testing.T) {
	t.Parallel()
	root := goodImage()
	root.Platforms[0].Config.User, root.Platforms[0].Config.UID, root.Platforms[0].Config.GID = "", ref[int64](0), ref[int64](0)
	baseline, err := policy.Preset("baseline")
	require.NoError(t, err)
	v := baseline.Evaluate(root, policy.StageScan, now)
	require.Equal(t, policy.Allow, v.Decision)
	require.Equal(t, policy.Warn, about(v, policy.RuleNonRoot)[0].Outcome)

	restricted := parse(t, "extends: restricted\n"+releaseSigner)
	v = restricted.Evaluate(root, policy.StageScan, now)
	require.Equal(t, policy.Deny, v.Decision)
	require.Equal(t, policy.Fail, about(v, policy.RuleNonRoot)[0].Outcome)
	require.Equal(t, policy.Fail, about(v, policy.RuleNumericUser)[0].Outcome)
	require.Equal(t, policy.Warn, about(v, policy.RuleNonRootGroup)[0].Outcome)
}
