package policy_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
)

// One key under two names would make one signature two.
func TestOneKeyIsOneSigner(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	pkix, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	files := map[string]string{
		"a.pub": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})),
		"b.pub": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&key.PublicKey)})),
		"c.pub": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
	}
	read := func(name string) ([]byte, error) {
		data, ok := files[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(data), nil
	}
	_, err = parse(t, "signatures: {atLeast: 2, signers: [{name: one, key: {file: a.pub}}, {name: two, key: {file: b.pub}}]}\n").Resolve(read)
	require.ErrorContains(t, err, `reading the key of signer "two": b.pub is the same key as signer "one"`)
	_, err = parse(t, "signatures: {atLeast: 2, signers: [{name: one, key: {file: a.pub}}, {name: two, key: {file: c.pub}}]}\n").Resolve(read)
	require.NoError(t, err)

	_, err = policy.Parse("p.yaml", []byte(head+"signatures: {signers: [{name: one, key: {file: a.pub}}, {name: two, key: {file: a.pub}}]}\n"))
	require.ErrorContains(t, err, "the same key")
	_, err = policy.Parse("p.yaml", []byte(head+"signatures: {signers: [{name: one, keyless: {issuer: https://i.example.com, subject: a@example.com}}, {name: two, keyless: {issuer: https://i.example.com, subject: a@example.com}}]}\n"))
	require.ErrorContains(t, err, `signatures.signers[1]: is the same identity as signer "one"`)
}

// One identity that two signers match is one of them.
func TestOneIdentityCountsOnce(t *testing.T) {
	t.Parallel()
	p := parse(t, `signatures:
  atLeast: 2
  signers:
  - {name: alice, keyless: {issuer: https://i.example.com, subject: alice@example.com}}
  - {name: anybody, keyless: {issuer: https://i.example.com, subjectRegExp: "^[a-z]+@example.com$"}}
  - {name: key, key: {file: a.pub}}
`)
	by := func(signer, identity string) policy.Signature {
		return policy.Signature{Signer: signer, Kind: "keyless", Identity: identity, Issuer: "https://i.example.com", SubjectDigest: digestOf("a")}
	}
	for name, c := range map[string]struct {
		signatures []policy.Signature
		want       policy.Outcome
		says       string
	}{
		"one who matches both":    {[]policy.Signature{by("alice", "alice@example.com"), by("anybody", "alice@example.com")}, policy.Fail, "1 of 2 signers, since one identity counts once"},
		"one, and another":        {[]policy.Signature{by("alice", "alice@example.com"), by("anybody", "alice@example.com"), by("anybody", "bob@example.com")}, policy.Pass, "alice, anybody"},
		"one twice as one signer": {[]policy.Signature{by("anybody", "bob@example.com"), by("anybody", "carol@example.com")}, policy.Fail, "1 of 2"},
		"one, and a key":          {[]policy.Signature{by("alice", "alice@example.com"), {Signer: "key", Kind: "key", SubjectDigest: digestOf("a")}}, policy.Pass, "alice, key"},
		"a signer of nobody":      {[]policy.Signature{by("mallory", "mallory@example.com"), by("alice", "alice@example.com")}, policy.Fail, "1 of 2"},
	} {
		e := goodImage()
		e.Signatures = c.signatures
		f := about(p.Evaluate(e, policy.StageScan, now), policy.RuleSignature)[0]
		require.Equal(t, c.want, f.Outcome, name)
		require.Contains(t, f.Message, c.says, name)
	}
}
