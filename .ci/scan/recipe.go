package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
)

// recipe is how one image of the demo is made, and what is to be said of it.
type recipe struct {
	kind     string
	expected policy.Decision
	unsigned bool
	root     bool              // user
	files    map[string]string // of its own layer, beside the program
	index    bool              // of two platforms
	damage   func(*distribution, *stocked, made) error
}

// recipes by turns. The damaged ones take turns among themselves.
func recipes(i int) recipe {
	kinds := []recipe{
		{kind: "clean", expected: policy.Allow},
		{kind: "unsigned", expected: policy.Deny, unsigned: true},
		{kind: "clean index", expected: policy.Allow, index: true},
		{kind: "root", expected: policy.Deny, root: true},
		{kind: "vulnerable", expected: policy.Deny, files: map[string]string{"var/lib/dpkg/status.d/curl": paragraph("curl", "7.88.1-10")}},
		{kind: "clean, two names", expected: policy.Allow},
		{kind: "shell", expected: policy.Deny, files: map[string]string{"bin/sh": gatetest.Program()}},
		damages()[i/8%len(damages())],
	}
	return kinds[(i+i/demoRepositories)%len(kinds)]
}

// damages are images that cannot be judged.
func damages() []recipe {
	return []recipe{
		{kind: "truncated layer", expected: policy.NotDecidable, damage: truncateLayer},
		{kind: "missing layer", expected: policy.NotDecidable, damage: removeLayer},
		{kind: "malformed manifest", expected: policy.NotDecidable, damage: spoilManifest},
		{kind: "index without a child", expected: policy.NotDecidable, index: true, damage: removeChild},
		{kind: "unknown distribution", expected: policy.NotDecidable, files: map[string]string{
			"etc/os-release": "ID=acme\nVERSION_ID=7\n", "var/lib/dpkg/status.d/acme": paragraph("acme", "7.1-2"),
		}},
	}
}

// paragraph is a package as dpkg keeps it.
func paragraph(name, version string) string {
	return fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: Demo\nVersion: %s\n", name, version)
}

const basePackages = 100

// baseLayer is what images of one base share: a distribution, its packages, and bytes
// that nothing compresses.
func baseLayer(base int) (v1.Layer, error) {
	files := map[string]string{
		"etc/os-release": "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n",
		"etc/passwd":     "root:x:0:0:root:/root:/sbin/nologin\napp:x:10001:10001::/:/sbin/nologin\n",
		"srv/bytes":      noise(uint64(base), baseBytes),
	}
	for n := range basePackages {
		name := fmt.Sprintf("library-%d-%d", base, n)
		files["var/lib/dpkg/status.d/"+name] = paragraph(name, fmt.Sprintf("1.%d-1", n))
	}
	return archive(files)
}

// ownLayer is what one image has by itself.
func (r recipe) ownLayer(i int, architecture string) (v1.Layer, error) {
	files := map[string]string{"app": program(architecture), "srv/own": noise(uint64(1000+i), ownBytes) + architecture}
	maps.Copy(files, r.files)
	return archive(files)
}

// program is one that the platform can run, as far as its header tells.
func program(architecture string) string {
	header := []byte(gatetest.Program())
	if architecture == "arm64" {
		binary.LittleEndian.PutUint16(header[18:], uint16(elf.EM_AARCH64)) // e_machine
	}
	return string(header)
}

// archive is a layer of files, programs among them.
func archive(files map[string]string) (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: path, Mode: 0o644, Size: int64(len(files[path])), Typeflag: tar.TypeReg}
		if path == "app" || strings.HasPrefix(path, "bin/") {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(w, files[path]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return static.NewLayer(b.Bytes(), types.OCIUncompressedLayer), nil
}

// noise is the same in every run.
func noise(seed uint64, size int) string {
	random := rand.New(rand.NewPCG(seed, 7))
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(random.Uint32())
	}
	return string(content)
}

// image is one platform of it on its base.
func (r recipe) image(i int, base, own v1.Layer, architecture string) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(image, base, own)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", architecture
	file.Config = v1.Config{User: "10001:10001", Entrypoint: []string{"/app"}, Labels: map[string]string{"number": fmt.Sprint(i)}}
	if r.root {
		file.Config.User = ""
	}
	return mutate.ConfigFile(image, file)
}

// indexOf is an index of amd64 and arm64.
func indexOf(amd64, arm64 v1.Image) v1.ImageIndex {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	return mutate.AppendManifests(index,
		mutate.IndexAddendum{Add: amd64, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: arm64, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}})
}
