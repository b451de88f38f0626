package gatetest

import (
	"io"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"
)

// Piece is one layer of an artifact.
type Piece struct {
	Content     []byte
	MediaType   string
	Annotations map[string]string
}

// Blob is a piece without annotations.
func Blob(content []byte, mediaType string) Piece {
	return Piece{Content: content, MediaType: mediaType}
}

// Artifact makes an OCI manifest of these pieces as they are, uncompressed, that
// is about the subject (the descriptor of its manifest) where one is given. A
// registry lists it as a referrer of its subject.
func Artifact(t testing.TB, subject *v1.Descriptor, pieces ...Piece) v1.Image {
	t.Helper()
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), "application/vnd.oci.empty.v1+json")
	for _, piece := range pieces {
		var err error
		image, err = mutate.Append(image, mutate.Addendum{
			Layer:       static.NewLayer(piece.Content, types.MediaType(piece.MediaType)),
			Annotations: piece.Annotations,
		})
		require.NoError(t, err)
	}
	if subject == nil {
		return image
	}
	about, ok := mutate.Subject(image, *subject).(v1.Image)
	require.True(t, ok)
	return about
}

// DescriptorOf describes the manifest of an image or index.
func DescriptorOf(t testing.TB, what partial.Describable) v1.Descriptor {
	t.Helper()
	descriptor, err := partial.Descriptor(what)
	require.NoError(t, err)
	return v1.Descriptor{MediaType: descriptor.MediaType, Size: descriptor.Size, Digest: descriptor.Digest}
}

// BesideTag is the tag under which cosign keeps what belongs to a digest:
// "sha256-<hex>.sig" for suffix ".sig"; with suffix "" it is the fallback tag of
// the referrers API (OCI distribution spec).
func BesideTag(digest v1.Hash, suffix string) string {
	return strings.Replace(digest.String(), ":", "-", 1) + suffix
}

// Read returns the whole of a blob, as stored.
func Read(t testing.TB, layer v1.Layer) []byte {
	t.Helper()
	blob, err := layer.Compressed()
	require.NoError(t, err)
	defer func() { _ = blob.Close() }()
	content, err := io.ReadAll(blob)
	require.NoError(t, err)
	return content
}
