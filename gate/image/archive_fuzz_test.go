package image

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/filetree"
	"github.com/imagegate/imagegate/gate/gatetest"
)

var fuzzFiles = filetree.Limits{LayerBytes: 1 << 20, TotalBytes: 4 << 20, Entries: 2000, NameBytes: 1 << 18, Depth: 40, Steps: 1 << 16, Memory: 1 << 20, Disk: -1}

// FuzzArchive reads any file as an archive of either kind, down to its files.
func FuzzArchive(f *testing.F) {
	layer := gatetest.Tar(f, gatetest.Entry{Path: "app", Content: "x"})
	digest := sha256Of(layer).String()
	config := `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["` + digest + `"]}}`
	f.Add(gatetest.Tar(f,
		gatetest.Entry{Path: "manifest.json", Content: `[{"Config":"config.json","RepoTags":["app:v1"],"Layers":["layer.tar"]}]`},
		gatetest.Entry{Path: "config.json", Content: config}, gatetest.Entry{Path: "layer.tar", Content: string(layer)}))
	f.Add(gatetest.Tar(f,
		gatetest.Entry{Path: "manifest.json", Content: `[{"Config":"a","Layers":["a","b"],"LayerSources":{"` + digest + `":{"size":-1}}}]`},
		gatetest.Entry{Path: "a", Symlink: "b"}, gatetest.Entry{Path: "b", Hardlink: "config.json"}))
	f.Add(gatetest.Tar(f, gatetest.Entry{Path: "oci-layout", Content: `{"imageLayoutVersion":"1.0.0"}`},
		gatetest.Entry{Path: "index.json", Content: `{"schemaVersion":2,"manifests":[{"digest":"` + digest + `","size":1,"annotations":{"org.opencontainers.image.ref.name":"v1"}}]}`},
		gatetest.Entry{Path: "blobs/sha256/" + digest[7:], Content: string(layer)}))
	images, err := New(WithLimits(Limits{ManifestBytes: 1 << 16, ConfigBytes: 1 << 16, Layers: 20, ArchiveEntries: 100}), WithFileLimits(fuzzFiles))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, archive []byte) {
		path := filepath.Join(t.TempDir(), "a")
		require.NoError(t, os.WriteFile(path, archive, 0o600))
		for _, kind := range []string{"docker-archive:", "oci-archive:"} {
			subject, err := images.Resolve(t.Context(), kind+path)
			if err != nil {
				requireExplained(t, err)
				continue
			}
			platforms, err := subject.Platforms(t.Context())
			requireExplained(t, err)
			for _, p := range platforms {
				_, err := p.Config(t.Context())
				requireExplained(t, err)
				files, err := p.Files(t.Context())
				requireExplained(t, err)
				if err == nil {
					require.NoError(t, files.Close())
				}
			}
		}
	})
}

// requireExplained holds that a failure is one of the boundary's.
func requireExplained(t *testing.T, err error) {
	t.Helper()
	var failure *Error
	var misnamed *gate.ReferenceError
	if err != nil && !errors.As(err, &failure) && !errors.As(err, &misnamed) {
		t.Fatalf("%T: %v", err, err)
	}
}

// FuzzLayer reads any bytes as a layer that is what its digest says, packed in any
// way.
func FuzzLayer(f *testing.F) {
	archive := gatetest.Tar(f, gatetest.Entry{Path: "a", Content: "content"}, gatetest.Entry{Path: "b", Symlink: "a"})
	for _, compression := range []gatetest.Compression{gatetest.Gzip, gatetest.Zstd, gatetest.Uncompressed} {
		f.Add(gatetest.Read(f, gatetest.LayerOf(f, compression, archive)))
	}
	f.Add([]byte("\x28\xb5\x2f\xfd\x00\xff\x03\x00\x10\x00"))
	f.Add([]byte("\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"))
	f.Add([]byte("BZh9"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		p := &platform{from: oneBlob(packed), limits: Limits{}.withDefaults(), reading: reading{}.withDefaults(Limits{}.withDefaults())}
		store := filetree.NewStore(fuzzFiles)
		defer func() { require.NoError(t, store.Close()) }()
		descriptor := v1.Descriptor{MediaType: types.OCILayer, Digest: sha256Of(packed), Size: int64(len(packed))}
		_, err := p.readLayer(t.Context(), store, descriptor, sha256Of(unpacked(packed)), p.reading.rules)
		_, transient := explain(err)
		require.False(t, transient, "the bytes stay what they are: %v", err)
	})
}

// unpacked is what the layer would be if it can be unpacked.
func unpacked(packed []byte) []byte {
	content, err := decompress(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	defer func() { _ = content.Close() }()
	all, _ := io.ReadAll(io.LimitReader(content, 8<<20))
	return all
}

// oneBlob is a source of one blob.
type oneBlob []byte

func (oneBlob) rawManifest(context.Context, v1.Hash) ([]byte, string, error) {
	return nil, "", errNoManifest
}

func (b oneBlob) openBlob(context.Context, v1.Descriptor) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (b oneBlob) openLayer(ctx context.Context, descriptor v1.Descriptor, _ v1.Hash) (io.ReadCloser, v1.Descriptor, error) {
	content, err := b.openBlob(ctx, descriptor)
	return content, descriptor, err
}

func (oneBlob) findAttached(context.Context, v1.Hash, *collector) {}
