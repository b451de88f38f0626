package gatetest_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
)

func TestImagesAreValid(t *testing.T) {
	t.Parallel()
	files := gatetest.Files(map[string]string{"/bin/": "", "/bin/run": "#!/bin/sh\n", "/etc/motd": "hi"})
	for _, compression := range []gatetest.Compression{gatetest.Gzip, gatetest.Zstd, gatetest.Uncompressed} {
		image := gatetest.Image(t, v1.ConfigFile{}, gatetest.Layer(t, compression, files...))
		if compression == gatetest.Gzip { // validate knows no other
			require.NoError(t, validate.Image(image), compression)
		}
		again, err := gatetest.Image(t, v1.ConfigFile{}, gatetest.Layer(t, compression, files...)).Digest()
		require.NoError(t, err)
		digest, err := image.Digest()
		require.NoError(t, err)
		require.Equal(t, digest, again)
	}
}

func TestRegistryStoresAndCounts(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	digest := registry.Push("app:v1", gatetest.SmallImage(t))
	require.Zero(t, registry.Count(""))

	pulled, err := remote.Get(reference(t, registry, "app:v1"))
	require.NoError(t, err)
	require.Equal(t, digest, pulled.Digest)
	require.Equal(t, 1, registry.Count("/manifests/"))
	require.Equal(t, int64(len(pulled.Manifest)), registry.Bytes("/manifests/"))
}

func TestReferrersAreListedEitherWay(t *testing.T) {
	t.Parallel()
	for how, options := range map[string][]gatetest.RegistryOption{
		"api": nil, "fallback tag": {gatetest.WithoutReferrers()},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			registry := gatetest.NewRegistry(t, options...)
			image := gatetest.SmallImage(t)
			digest := registry.Push("app:v1", image)
			subject := gatetest.DescriptorOf(t, image)
			artifact := gatetest.Artifact(t, &subject, gatetest.Blob([]byte("{}"), "application/example"))
			registry.Push("app:attached", artifact)
			index, err := remote.Referrers(reference(t, registry, "app@"+digest.String()).(name.Digest))
			require.NoError(t, err)
			manifest, err := index.IndexManifest()
			require.NoError(t, err)
			require.Len(t, manifest.Manifests, 1)
		})
	}
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	for how, guard := range map[string]gatetest.RegistryOption{
		"basic": gatetest.WithBasicAuth("ann", "secret"), "token": gatetest.WithTokenAuth("ann", "secret"),
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			registry := gatetest.NewRegistry(t, guard)
			registry.Push("app:v1", gatetest.SmallImage(t))
			_, err := remote.Get(reference(t, registry, "app:v1"))
			require.Error(t, err)
			_, err = remote.Get(reference(t, registry, "app:v1"), remote.WithAuth(&authn.Basic{Username: "ann", Password: "secret"}))
			require.NoError(t, err)
		})
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	registry.Push("app:v1", gatetest.SmallImage(t))
	path := "/v2/app/manifests/v1"
	whole, _ := get(t, registry, path)

	registry.Break("/manifests/", gatetest.Times(1, gatetest.Flipped(0)))
	flipped, err := get(t, registry, path)
	require.NoError(t, err)
	require.NotEqual(t, whole, flipped)
	healed, _ := get(t, registry, path)
	require.Equal(t, whole, healed)

	registry.Mend()
	registry.Break("/manifests/", gatetest.Truncated(10))
	cut, err := get(t, registry, path)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, whole[:10], cut)
}

// The same seed meets the same mischief, whatever happens beside it.
func TestProxyIsSeeded(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	registry.Push("app:v1", gatetest.SmallImage(t))
	ask := func() (done [][]string) {
		proxy := gatetest.NewProxy(t, registry, 0.5)
		for seed := range uint64(30) {
			ref, err := name.ParseReference(proxy.Reference(seed, "app:v1"))
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // mischief may stall
			_, _ = remote.Head(ref, remote.WithContext(ctx), remote.WithRetryPredicate(func(error) bool { return false }))
			cancel()
			done = append(done, proxy.Done(seed))
			require.Empty(t, proxy.Done(seed), "it is forgotten")
		}
		return done
	}
	first := ask()
	require.Equal(t, first, ask())
	require.Contains(t, first, []string(nil))
	require.True(t, slices.ContainsFunc(first, func(kinds []string) bool { return len(kinds) > 0 }))
}

func get(t *testing.T, registry *gatetest.Registry, path string) ([]byte, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+registry.Host()+path, nil)
	require.NoError(t, err)
	response, err := registry.Client().Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	return io.ReadAll(response.Body)
}

func reference(t *testing.T, registry *gatetest.Registry, rest string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(registry.Host() + "/" + rest)
	require.NoError(t, err)
	return ref
}
