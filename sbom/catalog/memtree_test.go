package catalog_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom"
)

// keep is the rule by which a memTree holds content.
type keep func(name string, head []byte, size int64) bool

func everything(string, []byte, int64) bool { return true }

// memTree is the merged tree of an image, all of it in memory: the plainest
// sbom.Files that can be had.
type memTree struct {
	files   map[string]*sbom.File
	content map[int64][]byte
}

func newMemTree(t testing.TB, image v1.Image, keep keep) *memTree {
	t.Helper()
	tree := &memTree{files: map[string]*sbom.File{}, content: map[int64][]byte{}}
	layers, err := image.Layers()
	require.NoError(t, err)
	for i, layer := range layers {
		diffID, err := layer.DiffID()
		require.NoError(t, err)
		content, err := layer.Uncompressed()
		require.NoError(t, err)
		tree.apply(t, tar.NewReader(content), i, diffID.String(), keep)
	}
	return tree
}

func (m *memTree) apply(t testing.TB, archive *tar.Reader, layer int, diffID string, keep keep) {
	t.Helper()
	stated := map[string]bool{}
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		name := path.Clean("/" + header.Name)
		if hidden, ok := strings.CutPrefix(path.Base(name), ".wh."); ok {
			m.whiteout(path.Join(path.Dir(name), hidden), stated)
			continue
		}
		content, err := io.ReadAll(archive)
		require.NoError(t, err)
		f := sbom.File{
			Path: name, Mode: header.FileInfo().Mode(), Size: header.Size, Link: header.Linkname,
			Layer: layer, DiffID: diffID, Node: int64(len(m.content) + 1),
		}
		if header.Typeflag == tar.TypeLink {
			first := m.files[path.Clean("/"+header.Linkname)]
			f.Node, f.Size, f.Mode = first.Node, first.Size, first.Mode
			if first.Mode.Type() == fs.ModeSymlink {
				f.Link = first.Link
			}
		} else if f.Mode.IsRegular() && !keep(name, content[:min(len(content), 3072)], header.Size) {
			m.content[f.Node] = nil
		} else {
			m.content[f.Node] = content[:len(content):len(content)]
		}
		m.put(f)
		stated[name] = true
	}
}

func (m *memTree) put(f sbom.File) {
	for parent := path.Dir(f.Path); parent != "/"; parent = path.Dir(parent) {
		if existing := m.files[parent]; existing == nil || !existing.Mode.IsDir() {
			m.files[parent] = &sbom.File{Path: parent, Mode: fs.ModeDir | 0o755, Layer: -1}
		}
	}
	if !f.Mode.IsDir() {
		m.remove(f.Path)
	}
	m.files[f.Path] = &f
}

func (m *memTree) whiteout(hidden string, stated map[string]bool) {
	if path.Base(hidden) == ".wh..opq" {
		for name := range m.files {
			if strings.HasPrefix(name, path.Dir(hidden)+"/") && !stated[name] {
				m.remove(name)
			}
		}
		return
	}
	m.remove(hidden)
}

func (m *memTree) remove(name string) {
	maps.DeleteFunc(m.files, func(other string, _ *sbom.File) bool {
		return other == name || strings.HasPrefix(other, name+"/")
	})
}

func (m *memTree) Lstat(name string) (sbom.File, bool) {
	f, ok := m.walk(name, false, 40)
	if !ok {
		return sbom.File{}, false
	}
	return *f, true
}

func (m *memTree) Lookup(name string) (sbom.File, bool) {
	f, ok := m.walk(name, true, 40)
	if !ok {
		return sbom.File{}, false
	}
	return *f, true
}

func (m *memTree) walk(name string, follow bool, budget int) (*sbom.File, bool) {
	at := &sbom.File{Path: "/", Mode: fs.ModeDir}
	segments := strings.Split(strings.Trim(path.Clean(name), "/"), "/")
	if name == "/" {
		return at, true
	}
	for i, segment := range segments {
		next, ok := m.files[path.Join(at.Path, segment)]
		if !ok {
			return nil, false
		}
		if next.Mode.Type() == fs.ModeSymlink && (follow || i < len(segments)-1) {
			if budget == 0 {
				return nil, false
			}
			target := next.Link
			if !path.IsAbs(target) {
				target = path.Join(at.Path, target)
			}
			return m.walk(path.Join(target, path.Join(segments[i+1:]...)), follow, budget-1)
		}
		at = next
	}
	return at, true
}

func (m *memTree) Trace(string) ([]sbom.File, error) { return nil, errors.ErrUnsupported }

func (m *memTree) All() iter.Seq[sbom.File] {
	return func(yield func(sbom.File) bool) {
		for _, name := range slices.Sorted(maps.Keys(m.files)) {
			if !yield(*m.files[name]) {
				return
			}
		}
	}
}

func (m *memTree) Open(f sbom.File) (sbom.Content, error) {
	content, ok := m.content[f.Node]
	if !ok || content == nil {
		return nil, sbom.ErrNotKept
	}
	return nopCloser{bytes.NewReader(content)}, nil
}

type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }
