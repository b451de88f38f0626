package filetree

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom"
)

// The tests write a layer as a list of lines, one an entry:
//
//	dir/            a directory
//	file=content    a regular file
//	link -> target  a symbolic link
//	name => target  a hard link
//	.wh.name        a whiteout (any other line is an empty file)
func layerTar(t testing.TB, lines ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, line := range lines {
		hdr, content := header(line)
		require.NoError(t, w.WriteHeader(hdr))
		_, err := io.WriteString(w, content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func header(line string) (*tar.Header, string) {
	hdr := &tar.Header{Name: line, Typeflag: tar.TypeReg, Mode: 0o644, Format: tar.FormatPAX}
	if name, target, ok := strings.Cut(line, " -> "); ok {
		hdr.Typeflag, hdr.Name, hdr.Linkname, hdr.Mode = tar.TypeSymlink, name, target, 0o777
		return hdr, ""
	}
	if name, target, ok := strings.Cut(line, " => "); ok {
		hdr.Typeflag, hdr.Name, hdr.Linkname = tar.TypeLink, name, target
		return hdr, ""
	}
	if name, content, ok := strings.Cut(line, "="); ok {
		hdr.Name, hdr.Size = name, int64(len(content))
		return hdr, content
	}
	if strings.HasSuffix(line, "/") {
		hdr.Typeflag, hdr.Mode = tar.TypeDir, 0o755
	}
	return hdr, ""
}

func keepAll(string, []byte, int64) bool { return true }

func readLayer(t testing.TB, s *Store, lines ...string) *Layer {
	t.Helper()
	l, err := s.ReadLayer(t.Context(), "sha256:"+strings.Join(lines, ","), bytes.NewReader(layerTar(t, lines...)), Rules{Keep: keepAll})
	require.NoError(t, err)
	return l
}

// merge reads and merges layers, each given by its lines.
func merge(t testing.TB, layers ...[]string) *Tree {
	t.Helper()
	tree, err := tryMerge(t, Limits{}, layers...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tree.Close()) })
	return tree
}

func tryMerge(t testing.TB, limits Limits, layers ...[]string) (*Tree, error) {
	t.Helper()
	s := NewStore(limits)
	defer func() { require.NoError(t, s.Close()) }()
	var read []*Layer
	for _, lines := range layers {
		read = append(read, readLayer(t, s, lines...))
	}
	return s.Merge(t.Context(), read)
}

// show writes a tree as lines of the same form, without what is only implied by
// others.
func show(t testing.TB, tree *Tree) []string {
	t.Helper()
	var lines []string
	for f := range tree.All() {
		name := strings.TrimPrefix(f.Path, "/")
		switch {
		case f.Mode.IsDir():
			lines = append(lines, name+"/")
		case f.Mode.Type() != 0:
			lines = append(lines, name+" -> "+f.Link)
		case f.Link != "":
			lines = append(lines, name+" => "+strings.TrimPrefix(f.Link, "/"))
		default:
			lines = append(lines, name+"="+contentOf(t, tree, f))
		}
	}
	return lines
}

func contentOf(t testing.TB, tree *Tree, f sbom.File) string {
	t.Helper()
	c, err := tree.Open(f)
	require.NoError(t, err, f.Path)
	b, err := io.ReadAll(c)
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.Len(t, b, int(f.Size))
	return string(b)
}
