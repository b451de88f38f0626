package gatetest

import (
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"
)

// Image makes an OCI image of these layers. The config is taken as it is, except
// that rootfs and history follow from the layers; its platform is linux/amd64
// where it names none. Same input, same digest.
func Image(t testing.TB, config v1.ConfigFile, layers ...v1.Layer) v1.Image {
	t.Helper()
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.Append(image, addenda(t, config.History, layers)...)
	require.NoError(t, err)
	built, err := image.ConfigFile()
	require.NoError(t, err)
	config.RootFS, config.History = built.RootFS, built.History
	if config.OS == "" {
		config.OS = "linux"
	}
	if config.Architecture == "" {
		config.Architecture = "amd64"
	}
	image, err = mutate.ConfigFile(image, &config)
	require.NoError(t, err)
	return image
}

func addenda(t testing.TB, history []v1.History, layers []v1.Layer) []mutate.Addendum {
	t.Helper()
	var out []mutate.Addendum
	for i, layer := range layers {
		mediaType, err := layer.MediaType()
		require.NoError(t, err)
		addendum := mutate.Addendum{Layer: layer, MediaType: mediaType, History: v1.History{CreatedBy: "gatetest"}}
		if i < len(history) {
			addendum.History = history[i]
		}
		out = append(out, addendum)
	}
	return out
}

// SmallImage is an image that a strict policy has nothing against: one layer
// with /etc/passwd and a program that is no shell, run by its numeric user.
func SmallImage(t testing.TB) v1.Image {
	t.Helper()
	return Image(t,
		v1.ConfigFile{Config: v1.Config{User: "65532:65532", Entrypoint: []string{"/app"}}},
		Layer(t, Gzip,
			Entry{Path: "/etc/passwd", Content: "root:x:0:0:root:/root:/sbin/nologin\napp:x:65532:65532::/:/sbin/nologin\n"},
			Entry{Path: "/app", Content: Program(), Mode: 0o755},
		))
}

// WithConfig replaces the config of an image without touching its layers, so that
// it may lie about them.
func WithConfig(t testing.TB, image v1.Image, change func(*v1.ConfigFile)) v1.Image {
	t.Helper()
	config, err := image.ConfigFile()
	require.NoError(t, err)
	config = config.DeepCopy()
	change(config)
	image, err = mutate.ConfigFile(image, config)
	require.NoError(t, err)
	return image
}

// Index makes an OCI index of these images in order, each under the platform of
// its config.
func Index(t testing.TB, images ...v1.Image) v1.ImageIndex {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, image := range images {
		config, err := image.ConfigFile()
		require.NoError(t, err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: config.Platform()},
		})
	}
	return index
}

// WithAttestationManifest appends what BuildKit appends to an index: a manifest
// of platform unknown/unknown that is about the image, but is none.
func WithAttestationManifest(t testing.TB, index v1.ImageIndex, about v1.Image) v1.ImageIndex {
	t.Helper()
	digest, err := about.Digest()
	require.NoError(t, err)
	attestation := Artifact(t, nil, Blob([]byte(`{"_type":"https://in-toto.io/Statement/v0.1"}`), "application/vnd.in-toto+json"))
	return mutate.AppendManifests(index, mutate.IndexAddendum{
		Add: attestation,
		Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"},
			Annotations: map[string]string{
				"vnd.docker.reference.type":   "attestation-manifest",
				"vnd.docker.reference.digest": digest.String(),
			},
		},
	})
}
