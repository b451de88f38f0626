package filetree

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		layers [][]string
		want   []string
	}{
		"no layers":            {nil, nil},
		"empty layer":          {[][]string{{}}, nil},
		"implied directories":  {[][]string{{"a/b/c=x"}}, []string{"a/", "a/b/", "a/b/c=x"}},
		"lexical order":        {[][]string{{"a/b=1", "a-b=2", "a/", "a.b/c=3", "ab=4", "a-b-/x=5"}}, []string{"a/", "a-b=2", "a-b-/", "a-b-/x=5", "a.b/", "a.b/c=3", "a/b=1", "ab=4"}},
		"nested lexical order": {[][]string{{"a/x", "a-/y", "a--/z"}}, []string{"a/", "a-/", "a--/", "a--/z=", "a-/y=", "a/x="}},
		"upper file wins":      {[][]string{{"a=1"}, {"a=2"}}, []string{"a=2"}},
		"last duplicate wins":  {[][]string{{"a=1", "a=2"}}, []string{"a=2"}},
		"names are cleaned":    {[][]string{{"./a=1", "/b=2", "../../c=3", "d/../e=4", "d//f/./g=5"}}, []string{"a=1", "b=2", "c=3", "d/", "d/f/", "d/f/g=5", "e=4"}},
		"not UTF-8":            {[][]string{{"\xff\xfe=1"}}, []string{"\xff\xfe=1"}},

		"file over directory removes it":       {[][]string{{"a/b=1", "a/c/d=2"}, {"a=3"}}, []string{"a=3"}},
		"directory over file":                  {[][]string{{"a=1"}, {"a/"}}, []string{"a/"}},
		"directory over directory keeps":       {[][]string{{"a/b=1"}, {"a/"}}, []string{"a/", "a/b=1"}},
		"directory over link replaces":         {[][]string{{"d/x=1", "a -> d"}, {"a/", "a/y=2"}}, []string{"a/", "a/y=2", "d/", "d/x=1"}},
		"link over directory removes it":       {[][]string{{"a/b=1", "d/x=2"}, {"a -> d"}}, []string{"a -> d", "d/", "d/x=2"}},
		"replaced directory starts empty":      {[][]string{{"a/b=1"}, {"a=2"}, {"a/c=3"}}, []string{"a/", "a/c=3"}},
		"file of the layer below is no parent": {[][]string{{"a=1"}, {"a/b=2"}}, []string{"a/", "a/b=2"}},

		"whiteout of a file":                    {[][]string{{"a=1", "b=2"}, {".wh.a"}}, []string{"b=2"}},
		"whiteout of a directory":               {[][]string{{"a/b/c=1", "d=2"}, {".wh.a"}}, []string{"d=2"}},
		"whiteout of a link, not its target":    {[][]string{{"a=1", "l -> a"}, {".wh.l"}}, []string{"a=1"}},
		"whiteout of nothing":                   {[][]string{{"a=1"}, {".wh.b", "c/d/.wh.e"}}, []string{"a=1"}},
		"whiteout, then its own layer's file":   {[][]string{{"a=1"}, {".wh.a", "a=2"}}, []string{"a=2"}},
		"its own layer's file, then whiteout":   {[][]string{{"a=1"}, {"a=2", ".wh.a"}}, []string{"a=2"}},
		"whiteout of an empty directory":        {[][]string{{"a/"}, {".wh.a", "a/n=2"}}, []string{"a/", "a/n=2"}},
		"whiteout, file, later layer":           {[][]string{{"a=1"}, {".wh.a"}, {"a=3"}}, []string{"a=3"}},
		"whiteout does not reach upper layers":  {[][]string{{".wh.a"}, {"a=1"}}, []string{"a=1"}},
		"whiteout of a file in a new directory": {[][]string{{"a/b=1"}, {"a/", "a/.wh.b"}}, []string{"a/"}},
		"aufs's own files":                      {[][]string{{".wh..wh.aufs", ".wh..wh.plnk/", "a=1"}}, []string{"a=1"}},

		"opaque":                              {[][]string{{"a/b=1", "a/c/d=2", "e=3"}, {"a/.wh..wh..opq"}}, []string{"a/", "e=3"}},
		"opaque, then siblings":               {[][]string{{"a/b=1", "a/c/d=2"}, {"a/.wh..wh..opq", "a/c/n=3"}}, []string{"a/", "a/c/", "a/c/n=3"}},
		"siblings, then opaque":               {[][]string{{"a/b=1", "a/c/d=2"}, {"a/c/n=3", "a/.wh..wh..opq"}}, []string{"a/", "a/c/", "a/c/n=3"}},
		"opaque twice":                        {[][]string{{"a/b=1"}, {"a/.wh..wh..opq", "a/n=2", "a/.wh..wh..opq"}}, []string{"a/", "a/n=2"}},
		"opaque root":                         {[][]string{{"a/b=1", "c=2"}, {"d=3", ".wh..wh..opq"}}, []string{"d=3"}},
		"opaque of nothing":                   {[][]string{{"a=1"}, {"b/.wh..wh..opq"}}, []string{"a=1"}},
		"opaque inside opaque":                {[][]string{{"a/b/c=1", "a/d=2"}, {"a/b/.wh..wh..opq", "a/.wh..wh..opq", "a/b/n=3"}}, []string{"a/", "a/b/", "a/b/n=3"}},
		"opaque keeps a replaced directory":   {[][]string{{"a/b/c=1"}, {"a/b=2", "a/.wh..wh..opq"}}, []string{"a/", "a/b=2"}},
		"what came before hides nothing else": {[][]string{{"a/b=1"}, {"a/.wh..wh..opq"}, {"a/c=2"}}, []string{"a/", "a/c=2"}},

		"hard link":                      {[][]string{{"a=1", "d/b => a"}}, []string{"a=1", "d/", "d/b => a"}},
		"hard link to an absolute name":  {[][]string{{"a=1", "b => /a"}}, []string{"a=1", "b => a"}},
		"hard link stops at the root":    {[][]string{{"a=1", "b => ../../a"}}, []string{"a=1", "b => a"}},
		"hard link to a hard link":       {[][]string{{"a=1", "b => a", "c => b"}}, []string{"a=1", "b => a", "c => a"}},
		"hard link to a lower layer":     {[][]string{{"a=1"}, {"b => a"}}, []string{"a=1", "b => a"}},
		"replaced target, name stays":    {[][]string{{"a=1", "b => a"}, {"a=2"}}, []string{"a=2", "b=1"}},
		"whited out target, name stays":  {[][]string{{"a=1", "b => a", "c => a"}, {".wh.a"}}, []string{"b=1", "c => b"}},
		"target's directory is removed":  {[][]string{{"d/a=1", "b => d/a"}, {".wh.d"}}, []string{"b=1"}},
		"forward link to what was below": {[][]string{{"a=1"}, {"b => a", "a=2"}}, []string{"a=2", "b=1"}},
		"hard link to a link":            {[][]string{{"a=1", "l -> a", "m => l"}}, []string{"a=1", "l -> a", "m -> a"}},
		"hard link through a link":       {[][]string{{"d/a=1", "l -> d"}, {"b => l/a"}}, []string{"b => d/a", "d/", "d/a=1", "l -> d"}},
		"old slot does not become first": {[][]string{{"a=0"}, {".wh.a", "b=1"}, {"a => b"}}, []string{"a => b", "b=1"}},

		"parent is a link of the layer": {[][]string{{"usr/lib/", "lib -> usr/lib", "lib/x=1"}}, []string{"lib -> usr/lib", "usr/", "usr/lib/", "usr/lib/x=1"}},
		"absolute link of the layer":    {[][]string{{"lib -> /usr/lib", "lib/x=1"}}, []string{"lib -> /usr/lib", "usr/", "usr/lib/", "usr/lib/x=1"}},
		"link of the layer out of root": {[][]string{{"l -> ../../../etc", "l/x=1"}}, []string{"etc/", "etc/x=1", "l -> ../../../etc"}},
		"its target is a layer below":   {[][]string{{"usr/lib/a=1"}, {"lib -> usr/lib", "lib/x=2"}}, []string{"lib -> usr/lib", "usr/", "usr/lib/", "usr/lib/a=1", "usr/lib/x=2"}},
		// What containerd and docker make of it on overlayfs: see the package comment.
		"parent is a link of a lower layer":         {[][]string{{"usr/lib/a=1", "lib -> usr/lib"}, {"lib/x=2"}}, []string{"lib/", "lib/x=2", "usr/", "usr/lib/", "usr/lib/a=1"}},
		"it hides no file":                          {[][]string{{"usr/bin/sh=1", "bin -> usr/bin"}, {"bin/sh=2"}}, []string{"bin/", "bin/sh=2", "usr/", "usr/bin/", "usr/bin/sh=1"}},
		"a whiteout through it hides no file":       {[][]string{{"usr/bin/sh=1", "bin -> usr/bin"}, {"bin/.wh.sh"}}, []string{"bin -> usr/bin", "usr/", "usr/bin/", "usr/bin/sh=1"}},
		"an opaque mark through it hides no file":   {[][]string{{"usr/bin/sh=1", "bin -> usr/bin"}, {"bin/.wh..wh..opq"}}, []string{"bin -> usr/bin", "usr/", "usr/bin/", "usr/bin/sh=1"}},
		"a stated directory hides no file":          {[][]string{{"usr/bin/sh=1", "bin -> usr/bin"}, {"bin/", "bin/.wh.sh"}}, []string{"bin/", "usr/", "usr/bin/", "usr/bin/sh=1"}},
		"a whiteout through a link of the layer":    {[][]string{{"usr/bin/sh=1"}, {"bin -> usr/bin", "bin/.wh.sh"}}, []string{"bin -> usr/bin", "usr/", "usr/bin/"}},
		"a found directory is replaced by a link":   {[][]string{{"d/", "e/"}, {"d/x=1", "d -> e", "d/y=2"}}, []string{"d -> e", "e/", "e/y=2"}},
		"a found link is replaced by another":       {[][]string{{"l -> a", "l/x=1", "l -> b", "l/y=2"}}, []string{"a/", "a/x=1", "b/", "b/y=2", "l -> b"}},
		"two links of the layer, one of a lower":    {[][]string{{"v1/a=1", "v -> v1"}, {"l -> v", "l/x=2"}}, []string{"l -> v", "v/", "v/x=2", "v1/", "v1/a=1"}},
		"dotdot in a link of the layer":             {[][]string{{"a/b/", "c/l -> ../a/b/..", "c/l/x=1"}}, []string{"a/", "a/b/", "a/x=1", "c/", "c/l -> ../a/b/.."}},
		"dotdot behind what is not there":           {[][]string{{"l -> no/../d", "l/x=1"}}, []string{"d/", "d/x=1", "l -> no/../d"}},
		"the root is stated":                        {[][]string{{"./", "a=1"}}, []string{"a=1"}},
		"the root's whiteouts have no other effect": {[][]string{{"a=1"}, {"./", "./.wh.a"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, show(t, merge(t, test.layers...)))
		})
	}
}

// What containerd and docker show and what the specification says differ here, so
// neither is taken for the truth.
func TestMergeRefusesADirectoryThatIsHiddenAndStated(t *testing.T) {
	t.Parallel()
	for name, layer := range map[string][]string{
		"whiteout first":              {".wh.a", "a/"},
		"directory first":             {"a/", ".wh.a"},
		"implied directory":           {".wh.a", "a/n=2"},
		"implied, in the other order": {"a/n=2", ".wh.a"},
	} {
		_, err := tryMerge(t, Limits{}, []string{"a/b=1", "a/c/d=1"}, layer)
		var entry *EntryError
		require.ErrorAs(t, err, &entry, name)
		require.Equal(t, "/a", entry.Name, name)
	}
}

func TestMergeBoundsWhatRepeats(t *testing.T) {
	t.Parallel()
	for limit, test := range map[string]struct {
		limits Limits
		lines  []string
		times  int
	}{
		"Entries":   {Limits{Entries: 10}, []string{"a=1", "b=2", "c=3"}, 4},
		"NameBytes": {Limits{NameBytes: 100}, []string{"l -> 0123456789012345678901234567890123456789", "a/l => l", "b/l => l", "l/f", "a/l/f", "b/l/f"}, 1},
	} {
		s := NewStore(test.limits)
		layer := readLayer(t, s, test.lines...)
		_, err := s.Merge(t.Context(), slices.Repeat([]*Layer{layer}, test.times))
		var over *LimitError
		require.ErrorAs(t, err, &over)
		require.Equal(t, limit, over.Limit)
		require.NoError(t, s.Close())
	}
}
