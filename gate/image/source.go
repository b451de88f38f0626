package image

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// source gives manifests and blobs by digest. What it gives is unverified, and
// blobs may be of any length: readManifest, readBlob and readLayer are where both
// end.
type source interface {
	// rawManifest reads a manifest or index up to Limits.ManifestBytes; mediaType
	// is what the source calls it, empty where it has no word for it.
	rawManifest(ctx context.Context, digest v1.Hash) (raw []byte, mediaType string, err error)
	openBlob(ctx context.Context, descriptor v1.Descriptor) (io.ReadCloser, error)
	// openLayer opens a layer as it is stored, which stored describes: a Docker
	// archive has its layers uncompressed while its manifest says otherwise.
	openLayer(ctx context.Context, descriptor v1.Descriptor, diffID v1.Hash) (content io.ReadCloser, stored v1.Descriptor, err error)
	// findAttached reports what lies beside the manifest with that digest.
	findAttached(ctx context.Context, digest v1.Hash, found *collector)
}

// readManifest reads a manifest and verifies that it is the one asked for.
func readManifest(ctx context.Context, from source, digest v1.Hash) (document, error) {
	raw, mediaType, err := from.rawManifest(ctx, digest)
	if err != nil {
		return document{}, err
	}
	if err := verify(raw, digest); err != nil {
		return document{}, err
	}
	return parseDocument(raw, digest, mediaType)
}

// readBlob reads a blob of known size and verifies it.
func readBlob(ctx context.Context, from source, descriptor v1.Descriptor) ([]byte, error) {
	content, err := from.openBlob(ctx, descriptor)
	if err != nil {
		return nil, err
	}
	defer func() { _ = content.Close() }()
	raw, err := io.ReadAll(io.LimitReader(content, descriptor.Size+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) != descriptor.Size {
		return nil, refuse("blob %s is not %d bytes long, as its manifest says", descriptor.Digest, descriptor.Size)
	}
	return raw, verify(raw, descriptor.Digest)
}

// verify says whether bytes are those that a digest names.
func verify(content []byte, digest v1.Hash) error {
	hasher, err := v1.Hasher(digest.Algorithm)
	if err != nil {
		return err
	}
	_, _ = io.Copy(hasher, bytes.NewReader(content))
	if sum := hex.EncodeToString(hasher.Sum(nil)); sum != digest.Hex {
		return &digestError{what: "digest", want: digest.String(), got: digest.Algorithm + ":" + sum}
	}
	return nil
}

// digestError is content that is not what its digest names: damaged or exchanged
// on the way.
type digestError struct{ what, want, got string }

func (e *digestError) Error() string {
	return fmt.Sprintf("the content has not the %s %s, but %s", e.what, e.want, e.got)
}

// Remedy tells damage on the way from a config that never was true.
func (e *digestError) Remedy() string {
	if e.what == "diff id" {
		return "build the image again: its config does not describe its layers, and no runtime would unpack them"
	}
	return pushAgain
}

const pushAgain = "push the image again, and look for a broken cache or proxy on the way"

func sha256Of(content []byte) v1.Hash {
	hash, _, _ := v1.SHA256(bytes.NewReader(content)) // a reader of bytes does not fail
	return hash
}
