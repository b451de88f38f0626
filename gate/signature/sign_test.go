package signature_test

import (
	"crypto/elliptic"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
	"github.com/imagegate/imagegate/gate/signature"
)

const (
	signedDigest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	otherDigest  = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func noPassword() ([]byte, error) { return nil, errors.New("nobody is asked") }

// What OpenKey signs with, Key and the verifier take.
func TestSign(t *testing.T) {
	t.Parallel()
	makers := map[string]func() (*sigstoretest.Key, error){
		"P-256": sigstoretest.NewKey,
		"P-384": func() (*sigstoretest.Key, error) { return sigstoretest.NewECDSAKey(elliptic.P384()) },
		"RSA":   func() (*sigstoretest.Key, error) { return sigstoretest.NewRSAKey(2048) },
	}
	for name, make := range makers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pair, err := make()
			require.NoError(t, err)
			private, err := pair.PrivatePEM()
			require.NoError(t, err)
			key, err := signature.OpenKey(private, noPassword)
			require.NoError(t, err)
			made, err := key.Sign("registry.example.com/app", signedDigest)
			require.NoError(t, err)
			require.Contains(t, string(made.Payload), `"docker-reference":"registry.example.com/app"`)

			signer, err := signature.Key("release", pair.PublicPEM())
			require.NoError(t, err)
			verifier, err := signature.New([]signature.Signer{signer}, signature.WithInsecureOptionalLog())
			require.NoError(t, err)
			require.Len(t, verifier.Verify(t.Context(), signedDigest, []gate.Attachment{made}).Signatures, 1)
			require.Empty(t, verifier.Verify(t.Context(), otherDigest, []gate.Attachment{made}).Signatures)
		})
	}
}

func TestOpenEncryptedKey(t *testing.T) {
	t.Parallel()
	pair, err := sigstoretest.NewKey()
	require.NoError(t, err)
	encrypted, err := pair.EncryptedPEM("open sesame")
	require.NoError(t, err)
	for name, pem := range map[string][]byte{
		"of cosign today": encrypted,
		"of old cosign":   []byte(strings.ReplaceAll(string(encrypted), "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY")),
	} {
		key, err := signature.OpenKey(pem, func() ([]byte, error) { return []byte("open sesame"), nil })
		require.NoError(t, err, name)
		_, err = key.Sign("registry.example.com/app", signedDigest)
		require.NoError(t, err, name)
	}
	requireRefused(t, encrypted, func() ([]byte, error) { return []byte("wrong"), nil }, "check the password")
	requireRefused(t, encrypted, noPassword, "set COSIGN_PASSWORD")
}

func TestOpenKeyRefuses(t *testing.T) {
	t.Parallel()
	ed, err := sigstoretest.NewEd25519Key()
	require.NoError(t, err)
	private, err := ed.PrivatePEM()
	require.NoError(t, err)
	requireRefused(t, private, noPassword, "use ECDSA")
	weak, err := sigstoretest.NewRSAKey(1024)
	require.NoError(t, err)
	private, err = weak.PrivatePEM()
	require.NoError(t, err)
	requireRefused(t, private, noPassword, "use ECDSA")
	requireRefused(t, ed.PublicPEM(), noPassword, "cosign.key")
	requireRefused(t, []byte("no key"), noPassword, "cosign.key")
	requireRefused(t, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), noPassword, "import-key-pair")
}

func requireRefused(t *testing.T, pem []byte, password func() ([]byte, error), remedy string) {
	t.Helper()
	_, err := signature.OpenKey(pem, password)
	var config *signature.ConfigError
	require.ErrorAs(t, err, &config)
	require.Contains(t, config.Remedy(), remedy)
}

// Only a signature of this digest by this key makes another one superfluous.
func TestSigned(t *testing.T) {
	t.Parallel()
	open := func() *signature.SigningKey {
		pair, err := sigstoretest.NewKey()
		require.NoError(t, err)
		private, err := pair.PrivatePEM()
		require.NoError(t, err)
		key, err := signature.OpenKey(private, noPassword)
		require.NoError(t, err)
		return key
	}
	ours, theirs := open(), open()
	made, err := ours.Sign("registry.example.com/app", signedDigest)
	require.NoError(t, err)
	require.True(t, ours.Signed(t.Context(), made, signedDigest))
	require.False(t, ours.Signed(t.Context(), made, otherDigest))
	require.False(t, theirs.Signed(t.Context(), made, signedDigest))

	unread := made
	unread.Err = errors.New("not fetched")
	require.False(t, ours.Signed(t.Context(), unread, signedDigest))
	spoilt := made
	spoilt.Payload = append([]byte(" "), made.Payload...)
	require.False(t, ours.Signed(t.Context(), spoilt, signedDigest))
}
