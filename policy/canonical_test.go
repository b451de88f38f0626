package policy_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
)

const publicKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfdH4bLZ8Q1xJvR7tV6b0mzF0CwJu
-----END PUBLIC KEY-----
`

func TestEffectivePolicyParsesToItself(t *testing.T) {
	t.Parallel()
	for name, p := range policies(t) {
		data, err := p.YAML()
		require.NoError(t, err)
		again, err := policy.Parse(name, data)
		require.NoError(t, err, "%s", data)
		require.Equal(t, p.Hash(), again.Hash(), "%s", data)
		require.Equal(t, policy.BaseNothing, again.Extends)
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	base := parse(t, "extends: baseline\n")
	require.Regexp(t, `^sha256:[0-9a-f]{64}$`, base.Hash())
	require.Equal(t, base.Hash(), parse(t, "# a comment\nextends: baseline\n").Hash())
	require.Equal(t, base.Hash(), parse(t, "extends: baseline\ncontent: {stages: []}\nexceptions: []\n").Hash())
	for _, change := range []string{"enforcement: warn\n", "platforms: [linux/amd64]\n", "vulnerabilities: {deny: {cvss: 8.9}}\n", "content: {shells: warn}\n"} {
		require.NotEqual(t, base.Hash(), parse(t, "extends: baseline\n"+change).Hash(), change)
	}
}

func TestResolveReadsKeysAndTrustRoot(t *testing.T) {
	t.Parallel()
	p := parse(t, "signatures: {trustRoot: {file: root.json}, signers: [{name: release, key: {file: release.pub}}]}\n")
	files := map[string]string{"release.pub": publicKey, "root.json": "{}"}
	read := func(name string) ([]byte, error) {
		if data, ok := files[name]; ok {
			return []byte(data), nil
		}
		return nil, fs.ErrNotExist
	}
	resolved, err := p.Resolve(read)
	require.NoError(t, err)
	require.Equal(t, &policy.Key{Data: publicKey}, resolved.Signatures.Signers[0].Key)
	require.Equal(t, &policy.TrustRoot{Data: "{}"}, resolved.Signatures.TrustRoot)
	require.Equal(t, &policy.Key{File: "release.pub"}, p.Signatures.Signers[0].Key, "the policy itself is not changed")

	files["release.pub"] += "\n"
	other, err := p.Resolve(read)
	require.NoError(t, err)
	require.NotEqual(t, resolved.Hash(), other.Hash(), "the bytes count, not the name")

	files["release.pub"] = "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"
	_, err = p.Resolve(read)
	require.ErrorContains(t, err, `reading the key of signer "release": release.pub is a private key`)
	delete(files, "release.pub")
	_, err = p.Resolve(read)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestAdjustSigners(t *testing.T) {
	t.Parallel()
	p := parse(t, "extends: restricted\nsignatures: {stages: [scan]}\n")
	cli, err := p.Adjust(policy.Adjustment{Signers: []policy.Signer{{Name: "release", Key: &policy.Key{Data: publicKey}}}})
	require.NoError(t, err)
	require.Equal(t, policy.Allow, cli.Evaluate(goodImage(), policy.StageBuild, now).Decision)
	require.True(t, cli.Needs(policy.StageBuild).Signatures)
	require.NotEqual(t, p.Hash(), cli.Hash())
	require.Empty(t, p.Signatures.Signers)

	_, err = p.Adjust(policy.Adjustment{Signers: []policy.Signer{{Name: "who", Keyless: &policy.Keyless{Issuer: "https://issuer.example.com"}}}})
	var problems *policy.Error
	require.True(t, errors.As(err, &problems))
	require.Equal(t, "with the flags of the command line: signatures.signers[0].keyless.subject: is missing: without subject or subjectRegExp anybody's signature would count", err.Error())
}

func TestAdjustSkipSignatures(t *testing.T) {
	t.Parallel()
	p, err := parse(t, "extends: restricted\n"+releaseSigner).Adjust(policy.Adjustment{SkipSignatures: true})
	require.NoError(t, err)
	e := goodImage()
	e.Signatures, e.Steps = nil, done(policy.StepResolve)
	v := p.Evaluate(e, policy.StageAdmission, now)
	require.Equal(t, policy.Allow, v.Decision)
	require.Equal(t, policy.Skipped, about(v, policy.RuleSignature)[0].Outcome)
	require.False(t, p.Needs(policy.StageAdmission).Signatures)
}
