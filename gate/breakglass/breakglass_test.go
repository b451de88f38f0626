package breakglass_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/breakglass"
)

var (
	now    = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	digest = "sha256:" + strings.Repeat("ab", 32)
	other  = "sha256:" + strings.Repeat("cd", 32)
)

func grant() breakglass.Grant {
	return breakglass.Grant{
		ID: "INC-4711", Digests: []string{digest}, Namespace: "shop", Owner: "ana@example.com",
		Reason: "checkout is down, fix follows", Issued: now, Expires: now.Add(2 * time.Hour),
	}
}

// pair is a key of the package's own making, read back from its PEM.
func pair(t testing.TB) (breakglass.SigningKey, breakglass.PublicKey) {
	t.Helper()
	private, public, err := breakglass.GenerateKey()
	require.NoError(t, err)
	signing, err := breakglass.ParseSigningKey(private)
	require.NoError(t, err)
	verifying, err := breakglass.ParsePublicKey(public)
	require.NoError(t, err)
	return signing, verifying
}

func ecdsaPair(t testing.TB, curve elliptic.Curve) (private, public []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	return encode(t, key, &key.PublicKey)
}

func encode(t testing.TB, private, public any) ([]byte, []byte) {
	t.Helper()
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	publicDER, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateDER}),
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER})
}

func verifier(t testing.TB, keys ...breakglass.PublicKey) *breakglass.Verifier {
	t.Helper()
	v, err := breakglass.NewVerifier(keys)
	require.NoError(t, err)
	return v
}

func requireWhy(t *testing.T, want breakglass.Why, err error) {
	t.Helper()
	var refused *breakglass.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, want, refused.Why, err.Error())
	require.NotEmpty(t, refused.Remedy())
}

func TestGrantComesBackAsItWasSigned(t *testing.T) {
	t.Parallel()
	ed25519Key, ed25519Public := pair(t)
	private, public := ecdsaPair(t, elliptic.P256())
	ecdsaKey, err := breakglass.ParseSigningKey(private)
	require.NoError(t, err)
	ecdsaPublic, err := breakglass.ParsePublicKey(public)
	require.NoError(t, err)
	both := verifier(t, ed25519Public, ecdsaPublic)
	for name, c := range map[string]struct {
		key    breakglass.SigningKey
		public breakglass.PublicKey
	}{"Ed25519": {ed25519Key, ed25519Public}, "P-256": {ecdsaKey, ecdsaPublic}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, err := c.key.Sign(grant(), breakglass.DefaultMaxLifetime)
			require.NoError(t, err)
			got, err := both.Verify(" "+token+"\n", now.Add(time.Hour))
			require.NoError(t, err)
			want := grant()
			want.Key = c.public.Thumbprint()
			got.Issued, got.Expires = got.Issued.UTC(), got.Expires.UTC()
			require.Equal(t, want, got)
		})
	}
}

func TestPermitsOnlyWhatItNames(t *testing.T) {
	t.Parallel()
	g := grant()
	require.NoError(t, g.Permits("shop", digest))
	requireWhy(t, breakglass.WrongNamespace, g.Permits("bank", digest))
	requireWhy(t, breakglass.WrongNamespace, g.Permits("", digest))
	requireWhy(t, breakglass.WrongDigest, g.Permits("shop", other))
	requireWhy(t, breakglass.WrongDigest, g.Permits("shop", ""))
	require.Error(t, breakglass.Grant{}.Permits("shop", digest))
}

func TestTime(t *testing.T) {
	t.Parallel()
	key, public := pair(t)
	v := verifier(t, public)
	token, err := key.Sign(grant(), breakglass.DefaultMaxLifetime)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		at   time.Time
		want breakglass.Why
	}{
		"at its end":           {now.Add(2 * time.Hour), breakglass.Expired},
		"a second before":      {now.Add(2*time.Hour - time.Second), ""},
		"a year later":         {now.AddDate(1, 0, 0), breakglass.Expired},
		"before, within skew":  {now.Add(-time.Minute), ""},
		"before, beyond skew":  {now.Add(-2 * time.Minute), breakglass.NotYetValid},
		"without a clock":      {time.Time{}, breakglass.NotYetValid},
		"in the far, far past": {time.Unix(-1<<40, 0), breakglass.NotYetValid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := v.Verify(token, c.at)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			requireWhy(t, c.want, err)
		})
	}
}

func TestLifetimeIsBoundedOnBothSides(t *testing.T) {
	t.Parallel()
	key, public := pair(t)
	long := grant()
	long.Expires = now.Add(48 * time.Hour)
	_, err := key.Sign(long, breakglass.DefaultMaxLifetime)
	requireWhy(t, breakglass.TooLong, err)
	token, err := key.Sign(long, 72*time.Hour)
	require.NoError(t, err)
	_, err = verifier(t, public).Verify(token, now)
	requireWhy(t, breakglass.TooLong, err)
	patient, err := breakglass.NewVerifier([]breakglass.PublicKey{public}, breakglass.WithMaxLifetime(48*time.Hour))
	require.NoError(t, err)
	_, err = patient.Verify(token, now)
	require.NoError(t, err)
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	key, _ := pair(t)
	for name, spoil := range map[string]func(*breakglass.Grant){
		"no digest":         func(g *breakglass.Grant) { g.Digests = nil },
		"too many digests":  func(g *breakglass.Grant) { g.Digests = make([]string, 17) },
		"short digest":      func(g *breakglass.Grant) { g.Digests = []string{"sha256:abc"} },
		"a tag":             func(g *breakglass.Grant) { g.Digests = []string{"app:1"} },
		"no namespace":      func(g *breakglass.Grant) { g.Namespace = "" },
		"any namespace":     func(g *breakglass.Grant) { g.Namespace = "*" },
		"no owner":          func(g *breakglass.Grant) { g.Owner = "" },
		"blank reason":      func(g *breakglass.Grant) { g.Reason = " " },
		"reason of 2 lines": func(g *breakglass.Grant) { g.Reason = "a\nallowed" },
		"long reason":       func(g *breakglass.Grant) { g.Reason = strings.Repeat("x", 1025) },
		"no id":             func(g *breakglass.Grant) { g.ID = "" },
		"id that overrides": func(g *breakglass.Grant) { g.ID = "\u202e4711" },
		"ends at once":      func(g *breakglass.Grant) { g.Expires = g.Issued },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := grant()
			spoil(&g)
			_, err := key.Sign(g, breakglass.DefaultMaxLifetime)
			requireWhy(t, breakglass.Malformed, err)
		})
	}
}

// TestForged holds the verifier to what RFC 8725 warns of.
func TestForged(t *testing.T) {
	t.Parallel()
	key, public := pair(t)
	stranger, _ := pair(t)
	v := verifier(t, public)
	token, err := key.Sign(grant(), breakglass.DefaultMaxLifetime)
	require.NoError(t, err)
	strangers, err := stranger.Sign(grant(), breakglass.DefaultMaxLifetime)
	require.NoError(t, err)
	parts := strings.Split(token, ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"imagegate-breakglass+jwt"}`))
	for name, c := range map[string]struct {
		token string
		want  breakglass.Why
	}{
		"nothing":             {"", breakglass.Malformed},
		"free text":           {"please, it is urgent", breakglass.Malformed},
		"true":                {"true", breakglass.Malformed},
		"no algorithm":        {unsigned + "." + parts[1] + ".", breakglass.Malformed},
		"no signature":        {parts[0] + "." + parts[1] + ".", breakglass.UnknownKey},
		"another's signature": {parts[0] + "." + parts[1] + "." + strings.Split(strangers, ".")[2], breakglass.UnknownKey},
		"another's key":       {strangers, breakglass.UnknownKey},
		"too large":           {token + strings.Repeat("A", 8<<10), breakglass.Malformed},
		"twice":               {token + "." + token, breakglass.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := v.Verify(c.token, now)
			requireWhy(t, c.want, err)
			require.Zero(t, got)
		})
	}
}

// TestSignedButNotOurs holds the verifier to the body, with a key that it believes.
func TestSignedButNotOurs(t *testing.T) {
	t.Parallel()
	private, public := ecdsaPair(t, elliptic.P256())
	verifying, err := breakglass.ParsePublicKey(public)
	require.NoError(t, err)
	v := verifier(t, verifying)
	for name, c := range map[string]struct {
		change map[string]any
		typ    string
		want   breakglass.Why
	}{
		"as it should be":    {nil, "", ""},
		"another type":       {nil, "JWT", breakglass.WrongAudience},
		"another audience":   {map[string]any{"aud": "kubernetes"}, "", breakglass.WrongAudience},
		"no audience":        {map[string]any{"aud": nil}, "", breakglass.WrongAudience},
		"no end":             {map[string]any{"exp": nil}, "", breakglass.Malformed},
		"no begin":           {map[string]any{"iat": nil}, "", breakglass.Malformed},
		"no owner":           {map[string]any{"sub": nil}, "", breakglass.Malformed},
		"no digest":          {map[string]any{"digests": nil}, "", breakglass.Malformed},
		"an end in words":    {map[string]any{"exp": "tomorrow"}, "", breakglass.Malformed},
		"an end in infinity": {map[string]any{"exp": 1e300}, "", breakglass.Malformed},
		"any namespace":      {map[string]any{"namespace": "*"}, "", breakglass.Malformed},
		"begins later":       {map[string]any{"nbf": now.Add(time.Hour).Unix()}, "", breakglass.NotYetValid},
		"a restriction":      {map[string]any{"container": "app"}, "", breakglass.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := v.Verify(handmade(t, private, c.typ, c.change), now)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			var refused *breakglass.Error
			require.ErrorAs(t, err, &refused)
			if name == "an end in infinity" { // too far away, or past what an integer holds
				return
			}
			requireWhy(t, c.want, err)
		})
	}
}

// handmade signs a body that Sign would not make; a claim that is nil is left out.
func handmade(t *testing.T, private []byte, typ string, change map[string]any) string {
	t.Helper()
	body := map[string]any{
		"aud": "imagegate.dev/breakglass", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": "1",
		"sub": "ana", "digests": []string{digest}, "namespace": "shop", "reason": "why not",
	}
	for claim, value := range change {
		body[claim] = value
		if value == nil {
			delete(body, claim)
		}
	}
	if typ == "" {
		typ = "imagegate-breakglass+jwt"
	}
	text, err := json.Marshal(body)
	require.NoError(t, err)
	block, _ := pem.Decode(private)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(t, err)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	require.NoError(t, err)
	signed, err := signer.Sign(text)
	require.NoError(t, err)
	token, err := signed.CompactSerialize()
	require.NoError(t, err)
	return token
}

func TestKeysThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	rsaPrivate, rsaPublic := encode(t, large, &large.PublicKey)
	p384Private, p384Public := ecdsaPair(t, elliptic.P384())
	edPrivate, edPublic, err := breakglass.GenerateKey()
	require.NoError(t, err)
	for name, text := range map[string][]byte{
		"no PEM": []byte("secret"), "RSA": rsaPrivate, "P-384": p384Private, "a public key": edPublic,
		"too large": make([]byte, 1<<20), "garbage": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}),
	} {
		_, err := breakglass.ParseSigningKey(text)
		var refused *breakglass.KeyError
		require.ErrorAs(t, err, &refused, name)
		require.NotEmpty(t, refused.Remedy())
	}
	for name, text := range map[string][]byte{
		"no PEM": nil, "RSA": rsaPublic, "P-384": p384Public, "a private key": edPrivate,
	} {
		_, err := breakglass.ParsePublicKey(text)
		var refused *breakglass.KeyError
		require.ErrorAs(t, err, &refused, name)
	}
}

func TestVerifierNeedsKeys(t *testing.T) {
	t.Parallel()
	_, public := pair(t)
	_, err := breakglass.NewVerifier(nil)
	require.Error(t, err)
	_, err = breakglass.NewVerifier([]breakglass.PublicKey{{}})
	require.Error(t, err)
	_, err = breakglass.NewVerifier([]breakglass.PublicKey{public}, breakglass.WithMaxLifetime(0))
	require.Error(t, err)
}

// FuzzVerify holds that no text is a grant but what the key signed.
func FuzzVerify(f *testing.F) {
	key, public := pair(f)
	v := verifier(f, public)
	token, err := key.Sign(grant(), breakglass.DefaultMaxLifetime)
	require.NoError(f, err)
	f.Add(token)
	f.Add("please")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add(strings.Replace(token, ".", "..", 1))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := v.Verify(text, now)
		if err != nil {
			var refused *breakglass.Error
			require.ErrorAs(t, err, &refused)
			require.Zero(t, got)
			return
		}
		require.Equal(t, "INC-4711", got.ID)
		require.NoError(t, got.Permits("shop", digest))
		require.True(t, got.Expires.After(now))
	})
}
