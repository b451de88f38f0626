package image_test

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/image"
)

func imageFor(t *testing.T, os, architecture, variant string) v1.Image {
	t.Helper()
	return gatetest.Image(t, v1.ConfigFile{OS: os, Architecture: architecture, Variant: variant},
		gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/" + architecture}))
}

func names(platforms []gate.Platform) []string {
	var list []string
	for _, p := range platforms {
		list = append(list, p.Name())
	}
	return list
}

func platformsOf(t *testing.T, what remote.Taggable, options ...image.Option) ([]gate.Platform, error) {
	t.Helper()
	registry := gatetest.NewRegistry(t)
	registry.Push("app:v1", what)
	return resolve(t, registry.Host()+"/app:v1", options...).Platforms(t.Context())
}

func TestPlatformsOfAnIndex(t *testing.T) {
	t.Parallel()
	amd, arm := imageFor(t, "linux", "amd64", ""), imageFor(t, "linux", "arm64", "v8")
	index := gatetest.WithAttestationManifest(t, gatetest.Index(t, amd, arm, amd), amd)
	platforms, err := platformsOf(t, index)
	require.NoError(t, err)
	require.Equal(t, []string{"linux/amd64", "linux/arm64/v8"}, names(platforms))
	require.Equal(t, []string{"/arm64"}, paths(t, platforms[1]))
}

func TestIndexInAnIndex(t *testing.T) {
	t.Parallel()
	inner := gatetest.Index(t, imageFor(t, "linux", "arm64", ""))
	outer := mutate.AppendManifests(gatetest.Index(t, imageFor(t, "linux", "amd64", "")), mutate.IndexAddendum{Add: inner})
	platforms, err := platformsOf(t, outer)
	require.NoError(t, err)
	require.Equal(t, []string{"linux/amd64", "linux/arm64"}, names(platforms))

	for range 3 {
		outer = mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{Add: outer})
	}
	_, err = platformsOf(t, outer)
	requireFailure(t, err, "IndexDepth", "raise the limit", false)
}

func TestIndexesThatCannotBeJudged(t *testing.T) {
	t.Parallel()
	only := imageFor(t, "linux", "amd64", "")
	nothing := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	_, err := platformsOf(t, nothing)
	requireFailure(t, err, "lists no platform image", "together with its images", false)
	_, err = platformsOf(t, gatetest.WithAttestationManifest(t, nothing, only))
	requireFailure(t, err, "lists no platform image", "", false)
	_, err = platformsOf(t, gatetest.Index(t, only, imageFor(t, "linux", "arm64", "")), image.WithLimits(image.Limits{Manifests: 1}))
	requireFailure(t, err, "Manifests", "", false)
}

// An annotation must not let an image pass for an attestation: runtimes look at
// its platform.
func TestAnImageThatCallsItselfAnAttestationIsJudged(t *testing.T) {
	t.Parallel()
	index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{
		Add: imageFor(t, "linux", "amd64", ""),
		Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "linux", Architecture: "amd64"},
			Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"},
		},
	})
	platforms, err := platformsOf(t, index)
	require.NoError(t, err)
	require.Equal(t, []string{"linux/amd64"}, names(platforms))
}

func TestEntriesWithoutPlatform(t *testing.T) {
	t.Parallel()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	chart := gatetest.Artifact(t, nil, gatetest.Blob([]byte("x"), "application/vnd.cncf.helm.chart.content.v1.tar+gzip"))
	disguised := mutate.ConfigMediaType(imageFor(t, "linux", "arm64", ""), "application/example")
	for _, image := range []v1.Image{chart, imageFor(t, "linux", "amd64", ""), disguised} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{MediaType: types.OCIManifestSchema1}})
	}
	platforms, err := platformsOf(t, withoutPlatforms(t, index))
	require.NoError(t, err)
	require.Equal(t, []string{"linux/amd64", "linux/arm64"}, names(platforms), "the chart is none, the others are what a runtime might run")
	requireFailure(t, filesError(t, platforms[1]), "no container image", "", false)
}

// withoutPlatforms checks that the builder added none.
func withoutPlatforms(t *testing.T, index v1.ImageIndex) v1.ImageIndex {
	t.Helper()
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	for _, entry := range manifest.Manifests {
		require.Nil(t, entry.Platform)
	}
	return index
}

func TestWhatIsNoImage(t *testing.T) {
	t.Parallel()
	chart := gatetest.Artifact(t, nil, gatetest.Blob([]byte("x"), "application/vnd.cncf.helm.chart.content.v1.tar+gzip"))
	_, err := platformsOf(t, chart)
	requireFailure(t, err, `no container image but "application/vnd.oci.empty.v1+json"`, "", false)
}

func TestOneMissingPlatformLeavesTheOthers(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	missing := imageFor(t, "linux", "arm64", "")
	registry.Push("app:v1", gatetest.Index(t, imageFor(t, "linux", "amd64", ""), missing))
	digest, err := missing.Digest()
	require.NoError(t, err)
	registry.Break("/manifests/"+digest.String(), gatetest.Status(404))
	platforms, err := resolve(t, registry.Host()+"/app:v1").Platforms(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"linux/amd64", "linux/arm64"}, names(platforms))
	require.Equal(t, []string{"/amd64"}, paths(t, platforms[0]))
	require.Zero(t, platforms[1].Layers())
	require.Zero(t, platforms[1].CompressedBytes())
	_, err = platforms[1].Config(t.Context())
	requireFailure(t, err, "NAME_UNKNOWN", "check the name", false)
	requireFailure(t, filesError(t, platforms[1]), "NAME_UNKNOWN", "", false)
}

func TestConfigsAreVerifiedAndBounded(t *testing.T) {
	t.Parallel()
	small := gatetest.SmallImage(t)
	config, err := small.ConfigName()
	require.NoError(t, err)
	for name, test := range map[string]struct {
		fault   gatetest.Fault
		options []image.Option
		message string
	}{
		"flipped": {gatetest.Flipped(9), nil, "has not the digest"},
		"longer":  {gatetest.Body("", []byte(strings.Repeat("x", 1<<20))), nil, "bytes long"},
		"too big": {nil, []image.Option{image.WithLimits(image.Limits{ConfigBytes: 10})}, "ConfigBytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, _ := pushed(t)
			if test.fault != nil {
				registry.Break("/blobs/"+config.String(), test.fault)
			}
			_, err := resolve(t, registry.Host()+"/app:v1", test.options...).Platforms(t.Context())
			requireFailure(t, err, test.message, "", false)
		})
	}
}

func TestLimitsOfAnImage(t *testing.T) {
	t.Parallel()
	for limit, limits := range map[string]image.Limits{"Layers": {Layers: 1}, "CompressedBytes": {CompressedBytes: 10}} {
		two := gatetest.Image(t, v1.ConfigFile{}, gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/a"}), gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/b"}))
		_, err := platformsOf(t, two, image.WithLimits(limits))
		requireFailure(t, err, limit, "raise the limit", false)
	}
}
