package image_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/image"
)

func TestTheTagIsLookedUpOnce(t *testing.T) {
	t.Parallel()
	registry, digest := pushed(t)
	subject := resolve(t, registry.Host()+"/app:v1")
	require.Equal(t, digest, subject.Digest())
	require.Equal(t, string(types.OCIManifestSchema1), subject.MediaType())
	require.Equal(t, "v1", subject.Reference().Tag)

	other := gatetest.WithConfig(t, gatetest.SmallImage(t), func(c *configFile) { c.Config.User = "0" })
	registry.Push("app:v1", other) // the tag moves
	platform := only(t, subject)
	require.Equal(t, digest, platform.Digest())
	config, err := platform.Config(t.Context())
	require.NoError(t, err)
	require.Equal(t, "65532:65532", config.Config.User)
	require.Contains(t, paths(t, platform), "/app")
	require.Equal(t, 1, registry.Count("/manifests/v1"))
}

func TestReferencesByDigest(t *testing.T) {
	t.Parallel()
	registry, digest := pushed(t)
	for _, reference := range []string{"/app@" + digest, "/app:v9@" + digest} {
		subject := resolve(t, registry.Host()+reference)
		require.Equal(t, digest, subject.Digest())
		require.True(t, subject.Reference().ByDigest)
	}
	require.Zero(t, registry.Count("/manifests/v9"))
}

func TestBytesThatAreNotWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	registry, digest := pushed(t)
	registry.Break("/manifests/sha256:", gatetest.Flipped(20))
	_, err := images(t).Resolve(t.Context(), registry.Host()+"/app@"+digest)
	requireFailure(t, err, "has not the digest "+digest, "push the image again", false)
}

func TestAnswersOfRegistries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault     gatetest.Fault
		message   string
		remedy    string
		transient bool
	}{
		"unauthorized": {gatetest.Status(401), "UNAUTHORIZED", "docker login", false},
		"forbidden":    {gatetest.Status(403), "DENIED", "read access", false},
		"not found":    {gatetest.Status(404), "NAME_UNKNOWN", "check the name", false},
		"rate limit":   {gatetest.Status(429, "Retry-After: 77"), "TOOMANYREQUESTS", "after 77s", true},
		"broken":       {gatetest.Status(500), "UNKNOWN", "try again later", true},
		"web page":     {gatetest.Page(), "web page", "proxy", true},
		"empty":        {gatetest.Body("application/json", nil), "no JSON document", "", false},
		"neither":      {gatetest.Body("application/json", []byte(`{"schemaVersion":2}`)), "neither an image nor an index", "", false},
		"both":         {gatetest.Body(string(types.OCIImageIndex), []byte(`{"schemaVersion":2,"manifests":[],"layers":[]}`)), "as an image and as an index", "", false},
		"called else":  {gatetest.Body(string(types.OCIImageIndex), []byte(`{"schemaVersion":2,"config":{},"layers":[]}`)), "which it is not", "", false},
		"names else":   {gatetest.Body("", []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","layers":[]}`)), "which it is not", "", false},
		"unknown type": {gatetest.Body("", []byte(`{"schemaVersion":2,"mediaType":"application/x","layers":[]}`)), "unknown media type", "", false},
		"schema 1":     {gatetest.Body("", []byte(`{"schemaVersion":1,"fsLayers":[]}`)), "schema 1", "push the image again", false},
		"too large":    {gatetest.Body("application/json", make([]byte, 5<<20)), "ManifestBytes", "raise the limit", false},
		"other type":   {gatetest.Body("", []byte(`{"schemaVersion":2,"layers":"x"}`)), "cannot be read", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, _ := pushed(t)
			registry.Break("/manifests/", test.fault)
			_, err := images(t).Resolve(t.Context(), registry.Host()+"/app:v1")
			requireFailure(t, err, test.message, test.remedy, test.transient)
		})
	}
}

func TestRegistriesThatAreNotThere(t *testing.T) {
	t.Parallel()
	_, err := images(t).Resolve(t.Context(), "127.0.0.1:1/app:v1")
	requireFailure(t, err, "refused", "nothing listens there", true)
}

func TestAnOutageOfAMomentIsWaitedFor(t *testing.T) {
	t.Parallel()
	registry, digest := pushed(t)
	registry.Break("/manifests/", gatetest.Times(1, gatetest.Status(503, "Retry-After: 0")))
	require.Equal(t, digest, resolve(t, registry.Host()+"/app:v1").Digest())
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]gatetest.Fault{"never": gatetest.Hang(), "slow": gatetest.Trickle(50 * time.Millisecond)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, _ := pushed(t)
			registry.Break("/manifests/", fault)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, err := images(t).Resolve(ctx, registry.Host()+"/app:v1")
			requireFailure(t, err, "", "allow more time", true)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	for name, guard := range map[string]func(user, password string) gatetest.RegistryOption{
		"basic": gatetest.WithBasicAuth, "token": gatetest.WithTokenAuth,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, digest := pushed(t, guard("ann", "open-sesame"))
			reference := registry.Host() + "/app:v1"
			subject := resolve(t, reference, image.WithKeychain(keychain{"ann", "open-sesame"}))
			require.Equal(t, digest, subject.Digest())
			require.Contains(t, paths(t, only(t, subject)), "/app")

			_, err := images(t).Resolve(t.Context(), reference)
			requireFailure(t, err, "", "docker login "+registry.Host(), false)
			_, err = images(t, image.WithKeychain(keychain{"ann", "wrong-word"})).Resolve(t.Context(), reference)
			requireFailure(t, err, "", "docker login", false)
			require.NotContains(t, err.Error(), "wrong-word")
		})
	}
}

type keychain struct{ user, password string }

func (k keychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: k.user, Password: k.password}, nil
}

func TestBlobsMayLieElsewhere(t *testing.T) {
	t.Parallel()
	storage, _ := pushed(t)
	registry, _ := pushed(t, gatetest.WithBasicAuth("ann", "secret"))
	registry.Break("/blobs/", gatetest.Redirect("http://"+storage.Host()))
	storage.Break("/blobs/", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusTeapot) // credentials must not get here
			return
		}
		next.ServeHTTP(w, r)
	})
	subject := resolve(t, registry.Host()+"/app:v1", image.WithKeychain(keychain{"ann", "secret"}))
	require.Contains(t, paths(t, only(t, subject)), "/app")
	require.Positive(t, storage.Count("/blobs/"))
}

// A registry on plain HTTP that wants no login may keep its blobs elsewhere, too.
func TestBlobsOfAnOpenRegistryMayLieElsewhere(t *testing.T) {
	t.Parallel()
	storage, _ := pushed(t)
	registry, _ := pushed(t)
	registry.Break("/blobs/", gatetest.Redirect("http://"+storage.Host()))
	require.Contains(t, paths(t, only(t, resolve(t, registry.Host()+"/app:v1"))), "/app")
	require.Positive(t, storage.Count("/blobs/"))
}

func TestRedirectsInCirclesEnd(t *testing.T) {
	t.Parallel()
	registry, _ := pushed(t)
	registry.Break("/manifests/", gatetest.Redirect("http://"+registry.Host()))
	_, err := images(t).Resolve(t.Context(), registry.Host()+"/app:v1")
	require.ErrorContains(t, err, "too many redirects")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	registry, digest := pushed(t, gatetest.WithTLS())
	_, err := images(t).Resolve(t.Context(), registry.Host()+"/app:v1")
	requireFailure(t, err, "certificate", "certificate authority", false)
	subject := resolve(t, registry.Host()+"/app:v1", image.WithTransport(registry.Client().Transport))
	require.Equal(t, digest, subject.Digest())
}

func TestUserAgent(t *testing.T) {
	t.Parallel()
	registry, _ := pushed(t)
	resolve(t, registry.Host()+"/app:v1", image.WithUserAgent("tester/1"))
	for _, request := range registry.Requests() {
		require.True(t, strings.HasPrefix(request.Agent, "tester/1"), request.Agent)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, option := range []image.Option{
		image.WithKeychain(nil), image.WithInsecureRegistries("http://x"), image.WithInsecureRegistries(""), image.WithParallelLayers(0),
	} {
		_, err := image.New(option)
		require.Error(t, err)
	}
}

func TestMisnamedReferenceIsNoFailure(t *testing.T) {
	t.Parallel()
	_, err := images(t).Resolve(t.Context(), "UPPER")
	var misnamed *gate.ReferenceError
	require.ErrorAs(t, err, &misnamed)
}
