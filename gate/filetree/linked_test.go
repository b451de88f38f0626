package filetree

import (
	"archive/tar"
	"bytes"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLinkedKeepsWhatLinksName(t *testing.T) {
	t.Parallel()
	wanted := func(name string, head []byte, _ int64) bool {
		return path.Base(name) == "wanted" || strings.HasPrefix(name, "/status.d/") || strings.HasPrefix(string(head), "magic")
	}
	for name, test := range map[string]struct {
		layers [][]string
		keeps  []string // besides what is kept without links
	}{
		"nothing":                       {[][]string{{"a=1", "wanted=2", "b -> wanted", "c => wanted"}}, nil},
		"a hard link":                   {[][]string{{"objects/a=1", "wanted => objects/a"}}, []string{"/objects/a"}},
		"a symbolic link":               {[][]string{{"wanted -> objects/a", "objects/a=1"}}, []string{"/objects/a"}},
		"links to links":                {[][]string{{"a=1", "b => a", "c -> b", "wanted -> c"}}, []string{"/a"}},
		"a link of another layer":       {[][]string{{"a=1"}, {"wanted => a"}}, []string{"/a"}},
		"a link whose file's name went": {[][]string{{"a=1", "wanted => a"}, {".wh.a"}}, []string{"/a"}},
		"an entry below a linked parent": {
			[][]string{{"d/", "l -> d", "l/a=1", "wanted => d/a"}}, []string{"/l/a"}},
		"a parent that is a link":    {[][]string{{"status.d/", "l -> status.d", "l/a=1"}}, []string{"/l/a"}},
		"what was kept already":      {[][]string{{"a=magic", "wanted => a"}}, nil},
		"what has no content":        {[][]string{{"a=", "d/", "wanted => a", "x/wanted -> ../d"}}, nil},
		"links that lead nowhere":    {[][]string{{"wanted -> a", "x/wanted -> wanted"}}, nil},
		"a link that was taken away": {[][]string{{"a=1", "wanted => a"}, {".wh.wanted"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewStore(Limits{})
			var layers []*Layer
			for _, lines := range test.layers {
				l, err := s.ReadLayer(t.Context(), "sha256:x", strings.NewReader(string(layerTar(t, lines...))), Rules{Keep: wanted})
				require.NoError(t, err)
				layers = append(layers, l)
			}
			tree, err := s.Merge(t.Context(), layers)
			require.NoError(t, err)
			again := tree.Linked(wanted)
			for _, l := range layers {
				for i := range uint32(l.entries.Len()) {
					e := l.entries.At(i)
					file := l.path(e)
					require.Equal(t, slices.Contains(test.keeps, file) || wanted(file, nil, e.size), again(file, nil, e.size), file)
				}
			}
			require.True(t, again("/anything", []byte("magic"), 5))
		})
	}
}

// TestLinkedKnowsFilesWithOtherOwners has hard links whose headers say otherwise than
// the file's own: the file is still known by its own entry, in its own layer.
func TestLinkedKnowsFilesWithOtherOwners(t *testing.T) {
	t.Parallel()
	wanted := func(name string, _ []byte, _ int64) bool { return path.Base(name) == "wanted" }
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "objects/first", Mode: 0o644}))
	require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "objects/a", Mode: 0o644, Size: 1}))
	_, err := w.Write([]byte("1"))
	require.NoError(t, err)
	for i, link := range []string{"b", "wanted"} {
		require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeLink, Name: link, Linkname: "objects/a", Mode: 0o600, Uid: i + 1}))
	}
	require.NoError(t, w.Close())
	s := NewStore(Limits{})
	base := readLayer(t, s, "below")
	l, err := s.ReadLayer(t.Context(), "sha256:x", &content, Rules{Keep: wanted})
	require.NoError(t, err)
	tree, err := s.Merge(t.Context(), []*Layer{base, l})
	require.NoError(t, err)
	f, ok := tree.Lookup("/objects/a")
	require.True(t, ok)
	require.Equal(t, int64(2), f.UID)
	require.True(t, tree.Linked(wanted)("/objects/a", nil, 1))
	require.False(t, tree.Linked(wanted)("/objects/first", nil, 1))
}
