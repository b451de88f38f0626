package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// container holds the files of a layout or of a docker archive: a directory or a
// tar archive. Names are slash-separated and cannot lead out of it.
type container interface {
	// open opens a regular file; its size is known before it is read.
	open(name string) (content io.ReadCloser, size int64, err error)
}

// layout is an OCI image layout (OCI image spec, image-layout.md) as a source.
type layout struct {
	files  container
	index  *v1.IndexManifest
	limits Limits
}

func openLayout(ctx context.Context, l location, limits Limits) (document, source, error) {
	return selectFromLayout(ctx, directory(l.path), l, limits)
}

func openLayoutArchive(ctx context.Context, l location, limits Limits) (document, source, error) {
	files, err := openArchive(ctx, l.path, limits)
	if err != nil {
		return document{}, nil, err
	}
	return selectFromLayout(ctx, files, l, limits)
}

func selectFromLayout(ctx context.Context, files container, l location, limits Limits) (document, source, error) {
	from := &layout{files: files, limits: limits}
	if err := from.readIndex(); err != nil {
		return document{}, nil, err
	}
	entry, err := from.choose(l)
	if err != nil {
		return document{}, nil, err
	}
	root, err := readManifest(ctx, from, entry.Digest)
	return root, from, err
}

// readIndex reads index.json, which lists what the layout holds.
func (l *layout) readIndex() error {
	marker, err := l.read("oci-layout", kib)
	if errors.Is(err, fs.ErrNotExist) {
		return (&refused{message: "it is no OCI layout: there is no file oci-layout in it"}).
			advising("for an archive of `docker save` use docker-archive:FILE, for one of a layout oci-archive:FILE")
	}
	if err != nil {
		return err
	}
	var version struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := json.Unmarshal(marker, &version); err != nil || !strings.HasPrefix(version.Version, "1.") {
		return refuse("the OCI layout has the unknown version %q", version.Version)
	}
	raw, err := l.read("index.json", l.limits.ManifestBytes)
	if err != nil {
		return err
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return refuse("index.json of the layout cannot be read: %s", err)
	}
	if len(index.Manifests) > l.limits.Manifests {
		return overLimit("Manifests", int64(l.limits.Manifests), "index.json lists %d manifests", len(index.Manifests))
	}
	l.index = index
	return nil
}

func (l *layout) read(name string, limit int64) ([]byte, error) {
	return readFile(l.files, name, limit, "ManifestBytes")
}

// readFile reads a file of a container up to a limit, which is named.
func readFile(files container, name string, limit int64, limitName string) ([]byte, error) {
	content, _, err := files.open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = content.Close() }()
	return readAll(content, limit, limitName, "%s", name)
}

// Annotations of the entries of index.json: the name of the OCI image spec, the
// full one that containerd writes, and what `cosign save` says an entry is.
const (
	annotationRefName    = "org.opencontainers.image.ref.name"
	annotationContainerd = "io.containerd.image.name"
	annotationKind       = "kind"
	kindPrefix           = "dev.cosignproject.cosign/"
)

// choose finds the entry that a reference means: by digest, by name, or the only
// image there is.
func (l *layout) choose(want location) (v1.Descriptor, error) {
	var candidates []v1.Descriptor
	for _, entry := range l.index.Manifests {
		switch {
		case want.reference.ByDigest && entry.Digest != want.digest:
		case want.name != "" && !hasName(entry, want.name):
		case !want.reference.ByDigest && want.name == "" && isBeside(entry):
		case slices.ContainsFunc(candidates, func(c v1.Descriptor) bool { return c.Digest == entry.Digest }):
		default:
			candidates = append(candidates, entry)
		}
	}
	if len(candidates) == 0 && want.reference.ByDigest {
		return v1.Descriptor{Digest: want.digest}, nil // may be deeper than index.json
	}
	if len(candidates) != 1 {
		return v1.Descriptor{}, l.ambiguous(len(candidates), want)
	}
	return candidates[0], nil
}

func hasName(entry v1.Descriptor, name string) bool {
	for _, key := range []string{annotationRefName, annotationContainerd} {
		if full := entry.Annotations[key]; full == name || strings.HasSuffix(full, ":"+name) {
			return true
		}
	}
	return false
}

// isBeside says whether an entry is there for another one, as signatures are.
func isBeside(entry v1.Descriptor) bool {
	kind := entry.Annotations[annotationKind]
	if strings.HasPrefix(kind, kindPrefix) && !strings.HasPrefix(kind, kindPrefix+"image") {
		return true
	}
	if entry.ArtifactType != "" && !isConfigType(entry.ArtifactType) {
		return true
	}
	return besideTag.MatchString(refTag(entry))
}

func (l *layout) ambiguous(found int, want location) error {
	var names []string
	for _, entry := range l.index.Manifests {
		if name := entry.Annotations[annotationRefName]; name != "" && !isBeside(entry) && len(names) < 10 {
			names = append(names, printable(name))
		}
	}
	message := fmt.Sprintf("the layout holds %d images", found)
	if want.name != "" {
		message = fmt.Sprintf("the layout holds %d images named %q", found, want.name)
	}
	remedy := "name one by its digest: " + want.reference.Transport + ":" + want.path + "@sha256:…"
	if len(names) > 0 {
		remedy = "name one of: " + strings.Join(names, ", ")
	}
	return (&refused{message: message}).advising(remedy)
}

func (l *layout) rawManifest(ctx context.Context, digest v1.Hash) ([]byte, string, error) {
	content, err := l.openBlob(ctx, v1.Descriptor{Digest: digest})
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = content.Close() }()
	raw, err := readAll(content, l.limits.ManifestBytes, "ManifestBytes", "manifest %s", digest)
	return raw, "", err
}

// openBlob opens a file of the blobs directory.
func (l *layout) openBlob(_ context.Context, descriptor v1.Descriptor) (io.ReadCloser, error) {
	digest := descriptor.Digest
	content, _, err := l.files.open("blobs/" + digest.Algorithm + "/" + digest.Hex)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, (&refused{message: fmt.Sprintf("the layout does not hold %s", digest)}).
			advising("copy the image again, with all its platforms and layers")
	}
	return content, err
}

func (l *layout) openLayer(ctx context.Context, descriptor v1.Descriptor, _ v1.Hash) (io.ReadCloser, v1.Descriptor, error) {
	content, err := l.openBlob(ctx, descriptor)
	return content, descriptor, err
}
