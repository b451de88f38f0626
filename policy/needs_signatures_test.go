package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
)

// Only signatures that satisfy every rule about them may stand in for those of the
// registry.
func TestSignaturesSuffice(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: imagegate.dev/v1\nkind: Policy\nmetadata: {name: test}\n" +
		"signatures:\n  signers:\n  - {name: release, keyless: {issuer: https://issuer.example.com, subject: ci@example.com}}\n"
	const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	done := map[policy.Step]policy.Status{policy.StepResolve: {State: policy.Done}, policy.StepSignatures: {State: policy.Done}}
	evidence := policy.Evidence{
		SchemaVersion: policy.EvidenceVersion, Digest: digest, Steps: done,
		Reference:  policy.Reference{Typed: "registry.example.com/app:1", Transport: "registry", Registry: "registry.example.com", Repository: "app", Tag: "1"},
		Platforms:  []policy.Platform{{Name: "linux/amd64", Digest: digest, Steps: map[policy.Step]policy.Status{}}},
		Signatures: []policy.Signature{{Signer: "release", SubjectDigest: digest}},
	}
	unsigned, attested := evidence, evidence
	unsigned.Signatures = nil
	attested.Attestations = []policy.Attestation{{Signer: "release", SubjectDigest: digest, PredicateType: "https://slsa.dev/provenance/v1", Predicate: []byte(`{}`)}}
	const demand = "attestations:\n- {name: provenance, predicateType: https://slsa.dev/provenance/v1}\n"
	const own = "rules:\n- {name: own, expression: \"size(signatures) > 0\"}\n"
	for name, test := range map[string]struct {
		text     string
		evidence policy.Evidence
		want     bool
	}{
		"signed":           {head, evidence, true},
		"not signed":       {head, unsigned, false},
		"not attested":     {head + demand, evidence, false},
		"attested":         {head + demand, attested, true},
		"own rule":         {head + own, evidence, false},
		"own rule, others": {head + "rules:\n- {name: own, expression: \"stage == 'build'\"}\n", evidence, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := policy.Parse("test", []byte(test.text))
			require.NoError(t, err)
			require.Equal(t, test.want, p.SignaturesSuffice(test.evidence, policy.StageBuild, now))
		})
	}
}
