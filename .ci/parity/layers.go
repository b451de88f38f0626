package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// entry is one member of a layer; its folders are made for it.
type entry struct {
	path, content string
	link          string // target, if it is a symbolic link
	executable    bool
}

// layerOf is a layer of these entries.
func layerOf(entries ...entry) (v1.Layer, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	made := map[string]bool{".": true, "/": true}
	for _, e := range entries {
		if err := writeEntry(w, e, made); err != nil {
			return nil, fmt.Errorf("writing %s: %w", e.path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil })
}

// packed compresses quickly: what is compared does not depend on how well.
func packed(open tarball.Opener) (v1.Layer, error) {
	return tarball.LayerFromOpener(open, tarball.WithCompressionLevel(gzip.BestSpeed), tarball.WithMediaType(types.OCILayer))
}

// layerFromTar is a layer of an archive on disk.
func layerFromTar(file string) (v1.Layer, error) {
	return packed(func() (io.ReadCloser, error) { return os.Open(file) })
}

func writeEntry(w *tar.Writer, e entry, made map[string]bool) error {
	name := strings.TrimPrefix(e.path, "/")
	if err := writeParents(w, name, made); err != nil {
		return err
	}
	h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(e.content))}
	switch {
	case e.link != "":
		h.Typeflag, h.Linkname, h.Mode, h.Size = tar.TypeSymlink, e.link, 0o777, 0
	case e.executable:
		h.Mode = 0o755
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	if e.link != "" {
		return nil
	}
	_, err := io.WriteString(w, e.content)
	return err
}

func writeParents(w *tar.Writer, name string, made map[string]bool) error {
	var missing []string
	for dir := path.Dir(name); !made[dir]; dir = path.Dir(dir) {
		made[dir] = true
		missing = append(missing, dir)
	}
	for _, dir := range slices.Backward(missing) {
		if err := w.WriteHeader(&tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
			return err
		}
	}
	return nil
}

// folder are the files and links below a folder, as entries below a prefix.
func folder(root, prefix string) ([]entry, error) {
	var entries []entry
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		below, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		e := entry{path: path.Join(prefix, filepath.ToSlash(below))}
		if d.Type() == fs.ModeSymlink {
			e.link, err = os.Readlink(file)
		} else {
			var content []byte
			content, err = os.ReadFile(file)
			e.content = string(content)
		}
		entries = append(entries, e)
		return err
	})
	return entries, err
}

// imageOf is an image of these layers for an architecture of Linux.
func imageOf(architecture string, layers ...v1.Layer) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(image, layers...)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", architecture
	config.Config = v1.Config{User: "65532:65532", Entrypoint: []string{"/app"}}
	return mutate.ConfigFile(image, config)
}

// simpleImage is an image with one layer for each list of entries.
func simpleImage(architecture string, layers ...[]entry) (v1.Image, error) {
	var built []v1.Layer
	for _, entries := range layers {
		layer, err := layerOf(entries...)
		if err != nil {
			return nil, err
		}
		built = append(built, layer)
	}
	return imageOf(architecture, built...)
}

// whiteout hides what a lower layer has at a path (OCI image specification,
// "whiteouts").
func whiteout(hidden string) entry {
	return entry{path: path.Join(path.Dir(hidden), ".wh."+path.Base(hidden))}
}

// upgrade writes the layer that makes the tree of one archive that of another: what
// is new or changed, and a whiteout for what is gone.
func upgrade(before, after, out string) (err error) {
	old, err := states(before)
	if err != nil {
		return err
	}
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := tar.NewWriter(file)
	err = eachMember(after, func(h *tar.Header, content io.Reader) error {
		name := path.Clean(h.Name)
		data, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		known, had := old[name]
		delete(old, name)
		if had && known == stateOf(h, data) {
			return nil
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	for _, gone := range outermost(old) {
		if err := w.WriteHeader(&tar.Header{Name: whiteout(gone).path, Typeflag: tar.TypeReg, Mode: 0o644}); err != nil {
			return err
		}
	}
	return w.Close()
}

// outermost are the paths that no other of them contains.
func outermost(paths map[string]string) []string {
	var list []string
	for p := range paths {
		if _, covered := paths[path.Dir(p)]; !covered {
			list = append(list, p)
		}
	}
	slices.Sort(list)
	return list
}

func states(archive string) (map[string]string, error) {
	found := map[string]string{}
	err := eachMember(archive, func(h *tar.Header, content io.Reader) error {
		data, err := io.ReadAll(content)
		found[path.Clean(h.Name)] = stateOf(h, data)
		return err
	})
	return found, err
}

func stateOf(h *tar.Header, data []byte) string {
	return fmt.Sprintf("%c %o %d %d %s %x", h.Typeflag, h.Mode, h.Uid, h.Gid, h.Linkname, sha256.Sum256(data))
}

func eachMember(archive string, use func(*tar.Header, io.Reader) error) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	for r := tar.NewReader(file); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = use(h, r)
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", archive, err)
		}
	}
}
