package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imagegate/imagegate/gate/gatetest"
	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

// world is a registry with signed images.
type world struct {
	server   *httptest.Server
	sigstore *sigstoretest.World
	key      *sigstoretest.Key
	layer    v1.Layer
}

func newWorld(out string) (*world, error) {
	w := &world{server: httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true)))}
	var err error
	if w.sigstore, err = sigstoretest.New(); err != nil {
		return nil, err
	}
	if w.key, err = sigstoretest.NewKey(); err != nil {
		return nil, err
	}
	if w.layer, err = newLayer(); err != nil {
		return nil, err
	}
	return w, os.WriteFile(filepath.Join(out, "cosign.pub"), w.key.PublicPEM(), 0o644)
}

func (w *world) close() { w.server.Close() }

func (w *world) host() string { return strings.TrimPrefix(w.server.URL, "http://") }

// newLayer is what distroless images are like: a few packages and files, a program.
func newLayer() (v1.Layer, error) {
	var archive bytes.Buffer
	t := tar.NewWriter(&archive)
	add := func(path, content string, mode int64) {
		_ = t.WriteHeader(&tar.Header{Name: path, Mode: mode, Size: int64(len(content)), Typeflag: tar.TypeReg}) // into memory
		_, _ = t.Write([]byte(content))
	}
	add("etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\napp:x:65532:65532::/:/sbin/nologin\n", 0o644)
	add("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n", 0o644)
	var packages strings.Builder
	for i := range 10 {
		fmt.Fprintf(&packages, "Package: package-%d\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.%d-1\n\n", i, i)
	}
	add("var/lib/dpkg/status", packages.String(), 0o644)
	for i := range 50 {
		add(fmt.Sprintf("usr/share/doc/file-%d", i), strings.Repeat(fmt.Sprintln("text", i), 40), 0o644)
	}
	add("app", gatetest.Program(), 0o755)
	if err := t.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer))
}

// push pushes a signed image that differs from the others by its number, and names it
// by digest.
func (w *world) push(repository string, number int) (string, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(image, w.layer)
	if err != nil {
		return "", err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return "", err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	config.Config = v1.Config{User: "65532:65532", Entrypoint: []string{"/app"}, Labels: map[string]string{"number": fmt.Sprint(number)}}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return "", err
	}
	tag, err := name.NewTag(fmt.Sprintf("%s/%s:n%d", w.host(), repository, number))
	if err != nil {
		return "", err
	}
	if err := remote.Write(tag, image); err != nil {
		return "", err
	}
	descriptor, err := remote.Head(tag)
	if err != nil {
		return "", err
	}
	artifact, err := w.sigstore.Sign(descriptor.Digest.String(), w.key, sigstoretest.Classic, sigstoretest.WithoutLog())
	if err != nil {
		return "", err
	}
	subject := v1.Descriptor{MediaType: descriptor.MediaType, Digest: descriptor.Digest, Size: descriptor.Size}
	if err := sigstoretest.Push(tag.Context(), subject, []sigstoretest.Artifact{artifact}); err != nil {
		return "", err
	}
	return tag.Context().Digest(descriptor.Digest.String()).String(), nil
}
