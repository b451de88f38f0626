package signature

import (
	"bytes"
	"crypto/elliptic"
	"testing"

	"github.com/stretchr/testify/require"

	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

func keyTypes(t testing.TB) map[string]*sigstoretest.Key {
	t.Helper()
	keys := map[string]*sigstoretest.Key{}
	add := func(name string) func(*sigstoretest.Key, error) {
		return func(key *sigstoretest.Key, err error) {
			require.NoError(t, err)
			keys[name] = key
		}
	}
	add("P-256")(sigstoretest.NewKey())
	add("P-384")(sigstoretest.NewECDSAKey(elliptic.P384()))
	add("P-521")(sigstoretest.NewECDSAKey(elliptic.P521()))
	add("RSA")(sigstoretest.NewRSAKey(2048))
	add("Ed25519")(sigstoretest.NewEd25519Key())
	return keys
}

func TestKeyRefused(t *testing.T) {
	t.Parallel()
	good := newKey(t)
	private, err := good.PrivatePEM()
	require.NoError(t, err)
	weak, err := sigstoretest.NewRSAKey(1024)
	require.NoError(t, err)
	p224, err := sigstoretest.NewECDSAKey(elliptic.P224())
	require.NoError(t, err)
	for name, c := range map[string]struct {
		name string
		pem  []byte
		want string
	}{
		"no name":       {"", good.PublicPEM(), "no name"},
		"empty":         {"a", nil, "no PEM public key"},
		"not PEM":       {"a", []byte("cosign.pub"), "no PEM public key"},
		"private":       {"a", private, "private key"},
		"weak RSA":      {"a", weak.PublicPEM(), "RSA key of 1024 bits"},
		"odd curve":     {"a", p224.PublicPEM(), "P-224"},
		"certificate":   {"a", []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "reading public key"},
		"text after":    {"a", append(good.PublicPEM(), "-----BEGIN PUBLIC"...), "unreadable text after a key"},
		"too many keys": {"a", bytes.Repeat(good.PublicPEM(), maxKeys+1), "more than 64 keys"},
		"too large":     {"a", make([]byte, maxKeyFile+1), "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Key(c.name, c.pem)
			requireConfigError(t, err, c.want)
			require.Zero(t, s)
		})
	}
}

func TestKeylessRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		id   Identity
		want string
	}{
		"empty":               {Identity{}, "issuer: no value"},
		"no subject":          {Identity{Issuer: issuer}, "subject: no value"},
		"no issuer":           {Identity{Subject: email}, "issuer: no value"},
		"any subject":         {Identity{Issuer: issuer, SubjectRegExp: ".*"}, "matches anybody"},
		"any subject at all":  {Identity{Issuer: issuer, SubjectRegExp: "^"}, "matches anybody"},
		"any address":         {Identity{Issuer: issuer, SubjectRegExp: ".+@.+"}, "matches anybody"},
		"any alternative":     {Identity{Issuer: issuer, SubjectRegExp: "a@example.com|.*"}, "matches anybody"},
		"any issuer":          {Identity{IssuerRegExp: "https://.*", Subject: email}, "matches anybody"},
		"both":                {Identity{Issuer: issuer, Subject: email, SubjectRegExp: "a"}, "both a value and an expression"},
		"no expression":       {Identity{Issuer: issuer, SubjectRegExp: "("}, "missing closing"},
		"escapes our anchors": {Identity{Issuer: issuer, SubjectRegExp: "a)|(.*"}, "unexpected )"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Keyless("ci", c.id)
			requireConfigError(t, err, c.want)
		})
	}
	_, err := Keyless("", Identity{Issuer: issuer, Subject: email})
	requireConfigError(t, err, "no name")
}

func TestNewRefused(t *testing.T) {
	t.Parallel()
	signer := keySigner(t, "release", newKey(t))
	for name, c := range map[string]struct {
		signers []Signer
		options []Option
		want    string
	}{
		"no signers":      {nil, nil, "there is none"},
		"zero signer":     {[]Signer{{}}, nil, "neither key nor identity"},
		"same name twice": {[]Signer{signer, signer}, nil, "two signers have this name"},
		"no root":         {[]Signer{signer}, []Option{WithTrustedRoot(nil)}, "trusted_root.json"},
		"bad root":        {[]Signer{signer}, []Option{WithTrustedRoot([]byte("{}"))}, "trusted_root.json"},
		"huge root":       {[]Signer{signer}, []Option{WithTrustedRoot(make([]byte, maxTrustedRoot+1))}, "larger than"},
		"no limits":       {[]Signer{signer}, []Option{WithLimits(Limits{})}, "limit of"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(c.signers, c.options...)
			requireConfigError(t, err, c.want)
		})
	}
}

func requireConfigError(t testing.TB, err error, text string) {
	t.Helper()
	var config *ConfigError
	require.ErrorAs(t, err, &config)
	require.ErrorContains(t, err, text)
	require.NotEmpty(t, config.Remedy())
}

func TestTrustRootHash(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signer, _ := f.signer(false)
	public, err := New([]Signer{signer})
	require.NoError(t, err)
	private := f.verifier([]Signer{signer})
	require.Regexp(t, "^sha256:[0-9a-f]{64}$", public.TrustRootHash())
	require.NotEqual(t, public.TrustRootHash(), private.TrustRootHash())
	again, err := New([]Signer{signer}, WithTrustedRoot(PublicGoodRoot()))
	require.NoError(t, err)
	require.Equal(t, public.TrustRootHash(), again.TrustRootHash())
	require.NotEmpty(t, public.root.RekorLogs())
	require.Len(t, public.root.CTLogs(), 2)
	require.NotEmpty(t, public.root.TimestampingAuthorities())
}
