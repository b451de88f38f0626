package filetree

import (
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
				l, err := s.ReadLayer(t.Context(), "sha256:x", strings.NewReader(string(layerTar(t, lines...))), wanted)
				require.NoError(t, err)
				layers = append(layers, l)
			}
			tree, err := s.Merge(t.Context(), layers)
			require.NoError(t, err)
			again := tree.Linked(wanted)
			for _, l := range layers {
				for i := range uint32(l.entries.size) {
					e := l.entries.at(i)
					file := l.path(e)
					require.Equal(t, slices.Contains(test.keeps, file) || wanted(file, nil, e.size), again(file, nil, e.size), file)
				}
			}
			require.True(t, again("/anything", []byte("magic"), 5))
		})
	}
}
