package image

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/stretchr/testify/require"
)

func TestSecretsAreCutOut(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`Get "https://ann:secret@example.com/v2/": refused`:          `Get "https://example.com/v2/": refused`,
		`Get "https://store.example.com/b?Signature=secret&x=1": no`: `Get "https://store.example.com/b?…": no`,
		"sent Authorization: Bearer secretsecretsecret":              "sent Authorization: Bearer …",
		"sent Basic c2VjcmV0OnNlY3JldA== there":                      "sent Basic … there",
		"no token in bearer response:\n{\"id\":\"secret\"}":          "the token service gave no token",
		`{"access_token":"secret","a":1}`:                            `{"access_token":…,"a":1}`,
		"one\n\x1b[31mtwo\x07":                                       "one [31mtwo",
	} {
		require.Equal(t, want, printable(message))
	}
	require.Len(t, []rune(printable(strings.Repeat("ü", 5000))), maxMessage+1)
}

func FuzzPrintable(f *testing.F) {
	f.Add("https://a:b@c?d=e\x1b")
	f.Add("token=x\nBearer yyyyyyyyyy")
	f.Fuzz(func(t *testing.T, message string) {
		if line := printable(message); strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q is not printable", line)
		}
	})
}

func TestCloudTokensStayInTheirCloud(t *testing.T) {
	t.Parallel()
	secret := authn.FromConfig(authn.AuthConfig{RegistryToken: "secret"})
	keychain := onlyFor(azureHosts, fixedKeychain{secret})
	for host, offered := range map[string]bool{
		"acme.azurecr.io": true, "acme.azurecr.io:443": true,
		"acme.azurecr.io.example.com": false, "azurecr.io.example.com": false, "example.com": false, "acmeazurecr.io": false,
	} {
		registry, err := name.NewRegistry(host)
		require.NoError(t, err)
		got, err := keychain.Resolve(registry)
		require.NoError(t, err)
		require.Equal(t, offered, got == secret, host)
	}
}

type fixedKeychain struct{ authn.Authenticator }

func (k fixedKeychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return k.Authenticator, nil
}

func TestWhereRegistriesMaySendUs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		from, to string
		allowed  bool
	}{
		{"https://example.com/a", "https://storage.example.net/b", true},
		{"https://example.com/a", "http://example.com/b", false},
		{"https://example.com/a", "https://169.254.169.254/latest", false},
		{"https://example.com/a", "https://10.0.0.1/b", false},
		{"https://example.com/a", "https://[::1]/b", false},
		{"https://example.com/a", "https://[fe80::1%25eth0]/b", false},
		{"https://example.com/a", "https://localhost/b", false},
		{"https://10.0.0.1/a", "https://10.0.0.2/b", true},
		{"http://127.0.0.1:5000/a", "http://127.0.0.1:5001/b", true},
	} {
		err := (&sessions{}).followRedirect(requestTo(t, test.to), []*http.Request{requestTo(t, test.from)})
		require.Equal(t, test.allowed, err == nil, "%s to %s: %v", test.from, test.to, err)
	}
}

func requestTo(t *testing.T, address string) *http.Request {
	t.Helper()
	at, err := url.Parse(address)
	require.NoError(t, err)
	return &http.Request{URL: at, Header: http.Header{}}
}

func TestPlainHTTPIsRefused(t *testing.T) {
	t.Parallel()
	reached := errors.New("reached the network")
	transport := decorate(unreachable{reached}, settings{plain: map[string]bool{"registry.example.com:5000": true}, agent: "test"}, Limits{}.withDefaults())
	for address, allowed := range map[string]bool{
		"http://localhost:5000/v2/": true, "http://127.0.0.9/v2/": true, "http://[::1]:5000/v2/": true,
		"http://registry.example.com:5000/v2/": true, "https://example.com/v2/": true,
		"http://registry.example.com/v2/": false, "http://10.0.0.1:5000/v2/": false, "ftp://example.com/": false,
	} {
		response, err := transport.RoundTrip(requestTo(t, address).WithContext(t.Context()))
		require.Nil(t, response)
		require.Equal(t, allowed, errors.Is(err, reached), address)
		if !allowed {
			remedy, _ := explain(err)
			require.Contains(t, remedy, "--insecure-registry")
		}
	}
}

type unreachable struct{ err error }

func (u unreachable) RoundTrip(*http.Request) (*http.Response, error) { return nil, u.err }

func TestPauses(t *testing.T) {
	t.Parallel()
	retry := retryTransport{pause: time.Second}
	asked := func(after string) *http.Response {
		return &http.Response{Header: http.Header{"Retry-After": {after}}}
	}
	for after, want := range map[string]time.Duration{"3": 3 * time.Second, "999999999": time.Hour, "0": 0} {
		pause, byServer := retry.pauseAfter(1, asked(after))
		require.True(t, byServer)
		require.Equal(t, want, pause)
	}
	for attempt, least := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second} {
		pause, byServer := retry.pauseAfter(attempt, asked("-1"))
		require.False(t, byServer)
		require.GreaterOrEqual(t, pause, least)
		require.LessOrEqual(t, pause, least*3/2)
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"config":{},"layers":[]}`), "application/vnd.oci.image.manifest.v1+json")
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"digest":"sha256:1"}]}`), "")
	f.Add([]byte(`{"schemaVersion":1,"fsLayers":[]}`), "text/plain")
	f.Fuzz(func(t *testing.T, raw []byte, called string) {
		d, err := parseDocument(raw, sha256Of(raw), called)
		if err == nil && (d.image == nil) == (d.index == nil) {
			t.Fatalf("%q is both or neither: %+v", raw, d)
		}
		if err == nil && d.image != nil {
			_ = checkLayers(d.image, Limits{}.withDefaults())
			_ = signatureLayers(layoutReferrer, d)
		}
	})
}

func FuzzReferrers(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"digest":"`+someDigest+`","artifactType":"x","size":-1}]}`), `</v2/app/referrers/x?n=2>; rel="next"`)
	f.Add([]byte(`{`), `<https://example.com/v2/other/referrers/x>; rel=next`)
	f.Fuzz(func(t *testing.T, raw []byte, link string) {
		if entries, err := parseReferrers(raw); err == nil {
			for _, entry := range entries {
				_ = likelihood(entry)
			}
		}
		repository, err := name.NewRepository("example.com/app")
		require.NoError(t, err)
		next := (&registry{repository: repository}).nextPage(&http.Response{Header: http.Header{"Link": {link}}})
		if next != "" && (!strings.HasPrefix(next, "referrers/") || strings.Contains(strings.SplitN(next, "?", 2)[0], "..")) {
			t.Fatalf("%q leads out of the repository: %q", link, next)
		}
	})
}
