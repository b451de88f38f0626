package signature_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
	"github.com/imagegate/imagegate/gate/signature"
)

// Whatever decides what verifies is part of the identity: otherwise a signature
// that one verifier accepted would be remembered for a stricter one.
func TestIdentityTellsVerifiersApart(t *testing.T) {
	t.Parallel()
	one, err := sigstoretest.NewKey()
	require.NoError(t, err)
	two, err := sigstoretest.NewKey()
	require.NoError(t, err)
	world, err := sigstoretest.New()
	require.NoError(t, err)
	key := func(name string, k *sigstoretest.Key) signature.Signer {
		s, err := signature.Key(name, k.PublicPEM())
		require.NoError(t, err)
		return s
	}
	keyless := func(id signature.Identity) signature.Signer {
		s, err := signature.Keyless("ci", id)
		require.NoError(t, err)
		return s
	}
	identity := func(signers []signature.Signer, options ...signature.Option) string {
		v, err := signature.New(signers, options...)
		require.NoError(t, err)
		return v.Identity()
	}
	list := func(signers ...signature.Signer) []signature.Signer { return signers }
	require.Equal(t, identity(list(key("a", one))), identity(list(key("a", one))))
	seen := map[string]string{}
	for what, id := range map[string]string{
		"key":           identity(list(key("a", one))),
		"other name":    identity(list(key("b", one))),
		"other key":     identity(list(key("a", two))),
		"two keys":      identity(list(key("a", one), key("b", two))),
		"subject":       identity(list(keyless(signature.Identity{Issuer: "https://issuer.example.com", Subject: "ci@example.com"}))),
		"other subject": identity(list(keyless(signature.Identity{Issuer: "https://issuer.example.com", Subject: "cd@example.com"}))),
		"expression":    identity(list(keyless(signature.Identity{Issuer: "https://issuer.example.com", SubjectRegExp: "^ci@example.com$"}))),
		"root":          identity(list(key("a", one)), signature.WithTrustedRoot(world.TrustedRoot())),
		"optional log":  identity(list(key("a", one)), signature.WithInsecureOptionalLog()),
		"no log":        identity(list(key("a", one)), signature.WithInsecureIgnoreLog()),
		"no sct":        identity(list(key("a", one)), signature.WithInsecureIgnoreSCT()),
		"timestamp":     identity(list(key("a", one)), signature.WithTimestampRequired()),
	} {
		require.NotEmpty(t, id)
		require.Empty(t, seen[id], "%s and %s", what, seen[id])
		seen[id] = what
	}
}
