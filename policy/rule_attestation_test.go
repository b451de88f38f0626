package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
)

const slsa = "https://slsa.dev/provenance/v1"

func attestation(signer, digest, predicate string) policy.Attestation {
	return policy.Attestation{Signer: signer, SubjectDigest: digestOf(digest), PredicateType: slsa, Predicate: []byte(predicate)}
}

func attest(list ...policy.Attestation) func(*policy.Evidence) {
	return func(e *policy.Evidence) { e.Attestations = list }
}

func TestAttestationRules(t *testing.T) {
	t.Parallel()
	const signers = "signatures: {required: false, signers: [{name: release, key: {file: a.pub}}, {name: ci, key: {file: b.pub}}]}\n"
	any := signers + "attestations: [{name: slsa, predicateType: '" + slsa + "'}]\n"
	byCI := signers + "attestations: [{name: slsa, predicateType: '" + slsa + "', signers: [ci], expression: \"predicate.builder.id == 'https://ci.example.com'\"}]\n"
	const good, bad = `{"builder": {"id": "https://ci.example.com"}}`, `{"builder": {"id": "https://evil.example.com"}}`
	other := attestation("ci", "a", good)
	other.PredicateType = "https://slsa.dev/provenance/v0.2"
	run := func(base func() policy.Evidence, cases []ruleCase) {
		for i := range cases {
			cases[i].rule = "attestations.slsa"
		}
		runRules(t, base, cases)
	}
	run(goodImage, []ruleCase{
		{name: "any", policy: any, want: policy.Pass, change: attest(attestation("release", "a", "")), says: []string{"the image has", "by release"}},
		{name: "none", policy: any, want: policy.Fail, says: []string{"no attestation of type " + slsa, "cosign attest"}},
		{name: "other type", policy: any, want: policy.Fail, change: attest(other)},
		{name: "other image", policy: any, want: policy.Fail, change: attest(attestation("ci", "d", good))},
		{name: "somebody else", policy: any, want: policy.Fail, change: attest(attestation("mallory", "a", good))},
		{name: "good", policy: byCI, want: policy.Pass, change: attest(attestation("ci", "a", good))},
		{name: "not the named signer", policy: byCI, want: policy.Fail, change: attest(attestation("release", "a", good))},
		{name: "bad predicate", policy: byCI, want: policy.Fail, change: attest(attestation("ci", "a", bad)), says: []string{`predicate.builder.id is "https://evil.example.com"`}},
		{name: "one good of two", policy: byCI, want: policy.Pass, change: attest(attestation("ci", "a", bad), attestation("ci", "a", good))},
		{name: "one good of three", policy: byCI, want: policy.Pass, change: attest(attestation("ci", "a", "{}"), attestation("ci", "a", "["), attestation("ci", "a", good))},
		{name: "fact missing", policy: byCI, want: policy.Undecided, change: attest(attestation("ci", "a", "{}")), says: []string{"no such key: builder"}},
		{name: "unread", policy: byCI, want: policy.Undecided, change: func(e *policy.Evidence) { e.Rejected = []policy.Rejection{{Unread: true, Reason: "too large"}} }},
		{name: "not verified", policy: byCI, want: policy.Undecided, change: notRun(policy.StepSignatures)},
		{name: "failed", policy: byCI, want: policy.Undecided, change: failed(policy.StepSignatures, "503"), says: []string{"503"}},
		{name: "failed, yet there", policy: byCI, want: policy.Pass, change: func(e *policy.Evidence) {
			attest(attestation("ci", "a", good))(e)
			failed(policy.StepSignatures, "503")(e)
		}},
		{name: "no signer named", policy: "attestations: [{name: slsa, predicateType: x}]\n", want: policy.Fail, says: []string{"no signer is named"}},
	})
	run(goodIndex, []ruleCase{
		{name: "index", policy: byCI, want: policy.Pass, change: attest(attestation("ci", "a", good)), says: []string{"the index has"}},
		{name: "every platform", policy: byCI, want: policy.Pass, change: attest(attestation("ci", "b", good), attestation("ci", "c", good)), says: []string{"every platform image"}},
		{name: "one platform of two", policy: byCI, want: policy.Fail, change: attest(attestation("ci", "b", good))},
	})
	require.True(t, parse(t, any).Needs(policy.StageScan).Signatures)
	require.False(t, parse(t, signers+"content: {shells: deny}\n").Needs(policy.StageScan).Signatures)
}
