package image

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// dockerArchive is one image of an archive of `docker save` as a source. Such an
// archive has no manifest; the one that a push would make is computed, as crane
// does, so that the digest is the same whoever computes it.
type dockerArchive struct {
	files  container
	image  tarball.Descriptor
	raw    []byte
	digest v1.Hash

	rawConfig []byte
	config    *v1.ConfigFile
	layers    []v1.Descriptor // as in the manifest
	packed    bool            // layers are stored compressed
}

func openDockerArchive(ctx context.Context, l location, limits Limits) (document, source, error) {
	files, err := openArchive(ctx, l.path, limits)
	if err != nil {
		return document{}, nil, err
	}
	return selectFromDocker(ctx, files, l, limits)
}

// selectFromDocker takes one image out of an archive and computes its manifest.
// That reads, and where they are stored uncompressed packs, all layers.
func selectFromDocker(ctx context.Context, files container, l location, limits Limits) (document, source, error) {
	raw, err := readFile(files, "manifest.json", limits.ManifestBytes, "ManifestBytes")
	if errors.Is(err, fs.ErrNotExist) {
		return document{}, nil, (&refused{message: "it is no archive of `docker save`: there is no manifest.json in it"}).
			advising("for an archive of an OCI layout use oci-archive:FILE")
	}
	if err != nil {
		return document{}, nil, err
	}
	var manifest tarball.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return document{}, nil, refuse("manifest.json of the archive cannot be read: %s", err)
	}
	image, err := chooseDocker(manifest, l)
	if err != nil {
		return document{}, nil, err
	}
	a := &dockerArchive{files: files, image: image}
	if err := a.load(limits); err != nil {
		return document{}, nil, err
	}
	if a.raw, err = a.compute(ctx); err != nil {
		return document{}, nil, err
	}
	a.digest = sha256Of(a.raw)
	root, err := parseDocument(a.raw, a.digest, "")
	if err != nil {
		return document{}, nil, err
	}
	a.layers = root.image.Layers
	return root, a, nil
}

// chooseDocker finds the image with the tag that was asked for, or the only one.
func chooseDocker(manifest tarball.Manifest, l location) (tarball.Descriptor, error) {
	if l.name == "" || isImageID(l.name) || strings.Contains(l.name, "@") {
		if len(manifest) == 1 {
			return manifest[0], nil
		}
	} else if want, err := name.NewTag(l.name, name.WeakValidation); err == nil {
		for _, image := range manifest {
			if slices.ContainsFunc(image.RepoTags, func(tag string) bool { return sameTag(tag, want) }) {
				return image, nil
			}
		}
	}
	var tags []string
	for _, image := range manifest {
		for _, tag := range image.RepoTags {
			tags = append(tags, printable(tag))
		}
	}
	message := fmt.Sprintf("the archive holds %d images", len(manifest))
	if l.name != "" {
		message += fmt.Sprintf(", none of them named %q", l.name)
	}
	return tarball.Descriptor{}, (&refused{message: message}).advising("name one of: " + strings.Join(tags[:min(10, len(tags))], ", "))
}

func sameTag(stored string, want name.Tag) bool {
	tag, err := name.NewTag(stored, name.WeakValidation)
	return err == nil && tag.Name() == want.Name()
}

// load reads the config and looks how the layers are stored.
func (a *dockerArchive) load(limits Limits) error {
	var err error
	if a.rawConfig, err = readFile(a.files, a.image.Config, limits.ConfigBytes, "ConfigBytes"); err != nil {
		return err
	}
	if a.config, err = v1.ParseConfigFile(bytes.NewReader(a.rawConfig)); err != nil {
		return refuse("the config of the image in the archive cannot be read: %s", err)
	}
	if len(a.image.Layers) > limits.Layers {
		return overLimit("Layers", int64(limits.Layers), "the image has %d layers", len(a.image.Layers))
	}
	if len(a.config.RootFS.DiffIDs) != len(a.image.Layers) {
		return refuse("the archive has %d layers, but the config has %d diff ids", len(a.image.Layers), len(a.config.RootFS.DiffIDs))
	}
	a.packed, err = a.isPacked()
	return err
}

// isPacked looks at the first layer; whoever packs one packs all.
func (a *dockerArchive) isPacked() (bool, error) {
	if len(a.image.Layers) == 0 {
		return false, nil
	}
	content, _, err := a.files.open(a.image.Layers[0])
	if err != nil {
		return false, err
	}
	defer func() { _ = content.Close() }()
	head, err := bufio.NewReader(content).Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return detect(head) != none, nil
}

// compute makes the manifest as package tarball of go-containerregistry does.
func (a *dockerArchive) compute(ctx context.Context) ([]byte, error) {
	if !a.packed {
		image, err := partial.UncompressedToImage(uncompressedImage{a, ctx})
		if err != nil {
			return nil, err
		}
		return image.RawManifest()
	}
	manifest := v1.Manifest{
		SchemaVersion: 2, MediaType: types.DockerManifestSchema2,
		Config: v1.Descriptor{MediaType: types.DockerConfigJSON, Size: int64(len(a.rawConfig)), Digest: sha256Of(a.rawConfig)},
	}
	for i, layer := range a.image.Layers {
		descriptor, err := a.packedLayer(ctx, layer, a.config.RootFS.DiffIDs[i])
		if err != nil {
			return nil, err
		}
		manifest.Layers = append(manifest.Layers, descriptor)
	}
	return json.Marshal(manifest)
}

func (a *dockerArchive) packedLayer(ctx context.Context, layer string, diffID v1.Hash) (v1.Descriptor, error) {
	if source, elsewhere := a.image.LayerSources[diffID]; elsewhere {
		return source, nil
	}
	content, _, err := a.files.open(layer)
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer func() { _ = content.Close() }()
	digest, size, err := v1.SHA256(untilDone{ctx, content})
	return v1.Descriptor{MediaType: types.DockerLayer, Size: size, Digest: digest}, err
}

func (a *dockerArchive) rawManifest(_ context.Context, digest v1.Hash) ([]byte, string, error) {
	if digest != a.digest {
		return nil, "", refuse("the archive does not hold %s", digest)
	}
	return a.raw, string(types.DockerManifestSchema2), nil
}

// openBlob opens what the computed manifest names: a layer that is stored
// uncompressed is packed again as it was when its digest was computed.
func (a *dockerArchive) openBlob(ctx context.Context, descriptor v1.Descriptor) (io.ReadCloser, error) {
	if descriptor.Digest == sha256Of(a.rawConfig) {
		return io.NopCloser(bytes.NewReader(a.rawConfig)), nil
	}
	i := slices.IndexFunc(a.layers, func(layer v1.Descriptor) bool { return layer.Digest == descriptor.Digest })
	if i < 0 {
		return nil, refuse("the archive does not hold %s", descriptor.Digest)
	}
	if a.packed {
		content, _, err := a.files.open(a.image.Layers[i])
		return content, err
	}
	layer, err := partial.UncompressedToLayer(uncompressedLayer{uncompressedImage{a, ctx}, a.config.RootFS.DiffIDs[i]})
	if err != nil {
		return nil, err
	}
	return layer.Compressed()
}

// openLayer opens a layer as the archive has it. What was stored uncompressed is
// verified by its diff id alone: the compressed form was never more than computed.
func (a *dockerArchive) openLayer(_ context.Context, descriptor v1.Descriptor, diffID v1.Hash) (io.ReadCloser, v1.Descriptor, error) {
	i := slices.Index(a.config.RootFS.DiffIDs, diffID)
	if i < 0 {
		return nil, v1.Descriptor{}, refuse("the archive does not hold a layer with diff id %s", diffID)
	}
	content, size, err := a.files.open(a.image.Layers[i])
	if err != nil {
		return nil, v1.Descriptor{}, err
	}
	if a.packed {
		return content, descriptor, nil
	}
	return content, v1.Descriptor{MediaType: types.DockerUncompressedLayer, Digest: diffID, Size: size}, nil
}

// findAttached finds nothing: such an archive has no room for signatures.
func (a *dockerArchive) findAttached(context.Context, v1.Hash, *collector) {}

// uncompressedImage lets go-containerregistry compute a manifest: it packs each
// layer and throws the result away.
type uncompressedImage struct {
	*dockerArchive
	ctx context.Context
}

func (u uncompressedImage) RawConfigFile() ([]byte, error) { return u.rawConfig, nil }

func (u uncompressedImage) MediaType() (types.MediaType, error) {
	return types.DockerManifestSchema2, nil
}

func (u uncompressedImage) LayerByDiffID(diffID v1.Hash) (partial.UncompressedLayer, error) {
	return uncompressedLayer{u, diffID}, nil
}

type uncompressedLayer struct {
	image  uncompressedImage
	diffID v1.Hash
}

func (l uncompressedLayer) DiffID() (v1.Hash, error)            { return l.diffID, nil }
func (l uncompressedLayer) MediaType() (types.MediaType, error) { return types.DockerLayer, nil }

func (l uncompressedLayer) Uncompressed() (io.ReadCloser, error) {
	content, _, err := l.image.openLayer(l.image.ctx, v1.Descriptor{}, l.diffID)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{untilDone{l.image.ctx, content}, content}, nil
}

// untilDone ends a read of a file when the caller gives up.
type untilDone struct {
	ctx  context.Context
	from io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.from.Read(p)
}
