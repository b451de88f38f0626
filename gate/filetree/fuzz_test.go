package filetree

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var fuzzLimits = Limits{LayerBytes: 1 << 20, Entries: 2000, NameBytes: 1 << 18, Depth: 40, Steps: 1 << 16, Memory: 1 << 10, Disk: 1 << 20}

// FuzzReadLayer reads any bytes as a layer, twice over another.
func FuzzReadLayer(f *testing.F) {
	for _, lines := range [][]string{
		{}, {"a=1"}, {"./a/b=content", "a/.wh.c", "a/.wh..wh..opq", ".wh.a"},
		{"l -> a", "a/b", "l/c=1", "h => a/b", "../x", "/y"},
		{strings.Repeat("long/", 30) + "name=x", "\xff -> \xfe"},
	} {
		f.Add(layerTar(f, lines...))
	}
	f.Add(headersTar(f, capable("a", ping), capable("h => a", net), capable("b", "?")))
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := fuzzLimits
		limits.Directory = t.TempDir()
		s := NewStore(limits)
		defer func() { require.NoError(t, s.Close()) }()
		l, err := s.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(data), Rules{Keep: keepAll})
		if err != nil {
			requireNothingTaken(t, s)
			return
		}
		require.Equal(t, int64(len(data)), l.Bytes())
		base := readLayer(t, s, "a/b=1", "a/c/d=2", "l -> a", "h => a/b", "m -> l/c")
		tree, err := s.Merge(t.Context(), []*Layer{base, l, l})
		if err != nil {
			requireKnown(t, err)
			return
		}
		checkTree(t, tree)
		for file := range tree.All() {
			if file.Mode.IsRegular() {
				contentOf(t, tree, file)
			}
		}
		require.NoError(t, tree.Close())
	})
}

// requireKnown holds that an image that cannot be merged is refused for a reason
// that has a name.
func requireKnown(t *testing.T, err error) {
	t.Helper()
	var entry *EntryError
	var limit *LimitError
	require.True(t, errors.As(err, &entry) || errors.As(err, &limit), "%v", err)
}

// FuzzTrace makes trees of any names and links, one entry a line in the form of
// layerTar and layers apart by an empty line, and looks up any path.
func FuzzTrace(f *testing.F) {
	f.Add("usr/bin/sh -> dash\nusr/bin/dash=x\n\nbin -> usr/bin", "/bin/sh")
	f.Add("a -> b\nb -> a", "/a/x")
	f.Add("a -> ../../b/./c/..\nb/c/", "//a//../.")
	f.Add("a=1\nb => a\n\n.wh.a\nc => b", "c")
	f.Add("l -> l/l\nd/l -> ../l\n\nd/.wh..wh..opq\nd/m -> /d/m", "/d/m/..")
	f.Add("a -> b/\nb -> c/\nc/\n\nc=1", "/a")
	f.Fuzz(func(t *testing.T, lines, path string) {
		s := NewStore(fuzzLimits)
		defer func() { require.NoError(t, s.Close()) }()
		var layers []*Layer
		for layer := range strings.SplitSeq(lines, "\n\n") {
			l, ok := readLines(t, s, layer)
			if !ok || len(layers) > 10 {
				return
			}
			layers = append(layers, l)
		}
		tree, err := s.Merge(t.Context(), layers)
		if err != nil {
			requireKnown(t, err)
			return
		}
		checkLookup(t, tree, path)
		if file, ok := tree.Lstat(path); ok {
			again, ok := tree.Lstat(file.Path)
			require.True(t, ok)
			require.Equal(t, file, again)
		}
		checkTree(t, tree)
		require.NoError(t, tree.Close())
	})
}

// readLines reads a layer of lines that a tar can hold.
func readLines(t *testing.T, s *Store, layer string) (*Layer, bool) {
	t.Helper()
	lines := strings.Split(layer, "\n")
	for _, line := range lines {
		hdr, _ := header(line)
		if strings.ContainsRune(line, 0) || hdr.Typeflag == '0' && strings.HasSuffix(hdr.Name, "/") {
			return nil, false
		}
	}
	l, err := s.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(layerTar(t, lines...)), Rules{Keep: keepAll})
	return l, err == nil
}
