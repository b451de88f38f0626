package main

import (
	"archive/tar"
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// adder adds a file to a layer.
type adder func(path string, content []byte) error

// layerOf is a layer of what fill adds, on disk until the process ends.
func layerOf(fill func(adder) error) (v1.Layer, error) {
	file, err := os.CreateTemp("", "imagegate-bench-layer-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name()) // the descriptor below stays good
	if err := writeLayer(file, fill); err != nil {
		return nil, err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(file, 0, size)), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
}

func writeLayer(to io.Writer, fill func(adder) error) error {
	buffered := bufio.NewWriterSize(to, 1<<20)
	packed, err := gzip.NewWriterLevel(buffered, gzip.BestSpeed)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(packed)
	err = fill(func(path string, content []byte) error {
		if err := archive.WriteHeader(&tar.Header{Name: path, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))}); err != nil {
			return err
		}
		_, err := archive.Write(content)
		return err
	})
	for _, finish := range []func() error{archive.Close, packed.Close, buffered.Flush} {
		if err == nil {
			err = finish()
		}
	}
	return err
}

// synthetic is an image of so many MB in files of 1 MB, so many small files, and so
// many Debian packages.
func synthetic(mb, files, packages int) (v1.Image, error) {
	layer, err := layerOf(func(add adder) error {
		if err := add("etc/os-release", []byte("ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n")); err != nil {
			return err
		}
		if err := add("var/lib/dpkg/status", installed(packages)); err != nil {
			return err
		}
		for i := range files {
			if err := add(fmt.Sprintf("srv/%03d/%03d/file-%d.txt", i/1e6, i/1000%1000, i), []byte("a small file\n")); err != nil {
				return err
			}
		}
		return addData(add, mb)
	})
	if err != nil {
		return nil, err
	}
	image, err := mutate.ConfigFile(mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1),
		&v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: v1.Config{User: "65532:65532"}})
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(image, layer)
}

// addData adds files that shrink to about half, as programs do.
func addData(add adder, mb int) error {
	noise := rand.NewChaCha8([32]byte{1})
	content := make([]byte, 1e6)
	for i := range mb {
		if _, err := noise.Read(content[:len(content)/2]); err != nil {
			return err
		}
		if err := add(fmt.Sprintf("opt/data/%d.bin", i), content); err != nil {
			return err
		}
	}
	return nil
}

// installed is the database of dpkg with so many packages.
func installed(packages int) []byte {
	var out strings.Builder
	for i := range packages {
		fmt.Fprintf(&out, "Package: package-%d\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.%d-1\nMaintainer: Debian <debian@example.com>\nDescription: a package\n\n", i, i)
	}
	return []byte(out.String())
}
