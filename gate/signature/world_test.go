package signature

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

const (
	email     = "release@example.com"
	workflow  = "https://git.example.com/acme/app/.workflows/release.yml@refs/tags/v1"
	issuer    = "https://issuer.example.com"
	sbomType  = "https://spdx.dev/Document"
	otherType = "https://slsa.dev/provenance/v1"
)

var (
	subject = digestOf("image")
	other   = digestOf("another image")
)

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// fixture is a world with one key, and the signers that the tests ask for.
type fixture struct {
	*sigstoretest.World
	t   testing.TB
	key *sigstoretest.Key
	id  sigstoretest.Identity
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	world, err := sigstoretest.New()
	require.NoError(t, err)
	return &fixture{World: world, t: t, key: newKey(t), id: sigstoretest.Identity{Subject: email, Issuer: issuer}}
}

func newKey(t testing.TB) *sigstoretest.Key {
	t.Helper()
	key, err := sigstoretest.NewKey()
	require.NoError(t, err)
	return key
}

func (f *fixture) sign(digest string, by sigstoretest.Signer, form sigstoretest.Form, options ...sigstoretest.Option) gate.Attachment {
	f.t.Helper()
	a, err := f.Sign(digest, by, form, options...)
	require.NoError(f.t, err)
	return a.Attachment()
}

func (f *fixture) attest(digest string, by sigstoretest.Signer, form sigstoretest.Form, predicateType string, predicate any, options ...sigstoretest.Option) gate.Attachment {
	f.t.Helper()
	a, err := f.Attest(digest, by, form, predicateType, predicate, options...)
	require.NoError(f.t, err)
	return a.Attachment()
}

// signer is the fixture's key ("release") or identity ("ci").
func (f *fixture) signer(keyless bool) (Signer, sigstoretest.Signer) {
	f.t.Helper()
	if keyless {
		return keylessSigner(f.t, "ci", Identity{Issuer: issuer, Subject: email}), f.id
	}
	return keySigner(f.t, "release", f.key), f.key
}

func keySigner(t testing.TB, name string, keys ...*sigstoretest.Key) Signer {
	t.Helper()
	var pem []byte
	for _, key := range keys {
		pem = append(pem, key.PublicPEM()...)
	}
	s, err := Key(name, pem)
	require.NoError(t, err)
	return s
}

func keylessSigner(t testing.TB, name string, id Identity) Signer {
	t.Helper()
	s, err := Keyless(name, id)
	require.NoError(t, err)
	return s
}

// verifier believes in the fixture's world.
func (f *fixture) verifier(signers []Signer, options ...Option) *Verifier {
	f.t.Helper()
	v, err := New(signers, append([]Option{WithTrustedRoot(f.TrustedRoot())}, options...)...)
	require.NoError(f.t, err)
	return v
}

func (f *fixture) verify(v *Verifier, attachments ...gate.Attachment) gate.Verified {
	f.t.Helper()
	return v.Verify(context.Background(), subject, attachments)
}

// requireRejected demands one rejection for a reason that contains text.
func requireRejected(t testing.TB, got gate.Verified, text string) {
	t.Helper()
	require.Empty(t, got.Signatures)
	require.Empty(t, got.Attestations)
	require.Len(t, got.Rejected, 1)
	require.Contains(t, got.Rejected[0].Reason, text)
	require.False(t, got.Rejected[0].Unread, got.Rejected[0].Reason)
}
