package filetree

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom"
)

// checkTree holds what is true of every tree, whatever it was made of.
func checkTree(t testing.TB, tree *Tree) {
	t.Helper()
	last, count := "", 0
	for f := range tree.All() {
		count++
		require.Less(t, last, f.Path)
		last = f.Path
		same, ok := tree.Lstat(f.Path)
		require.True(t, ok, "%q", f.Path)
		require.Equal(t, f, same)
		checkLookup(t, tree, f.Path)
		if f.Mode.IsRegular() && f.Link != "" {
			first, ok := tree.Lstat(f.Link)
			require.True(t, ok)
			require.Equal(t, f.Node, first.Node)
			require.Empty(t, first.Link)
		}
	}
	require.Equal(t, tree.Entries(), count)
}

// checkLookup holds that Lookup, Lstat and Trace agree about a path.
func checkLookup(t testing.TB, tree *Tree, path string) {
	t.Helper()
	real, found := tree.Lookup(path)
	way, err := tree.Trace(path)
	require.NotEmpty(t, way)
	if errors.Is(err, ErrTooFar) {
		return
	}
	require.Equal(t, found, err == nil, "%q: %v", path, err)
	if !found {
		require.True(t, errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrLinkLoop) || errors.Is(err, ErrNotDirectory), "%v", err)
		return
	}
	require.Zero(t, real.Mode&fs.ModeSymlink)
	require.Equal(t, real.Node, way[len(way)-1].Node)
	again, ok := tree.Lstat(real.Path)
	require.True(t, ok)
	require.Equal(t, real, again)
}

func TestLookup(t *testing.T) {
	t.Parallel()
	tree := merge(t, []string{
		"usr/bin/dash=sh", "usr/bin/sh -> dash", "bin -> usr/bin", "abs -> /usr/bin/sh", "up -> ../../../usr",
		"loop -> loop", "a -> b", "b -> a", "into -> a/x", "gone -> nowhere", "file=x", "below -> file/x", "slash -> file/", "dirslash -> usr/",
		"deep/l -> ../bin/./sh", "hard => usr/bin/dash",
	})
	for path, want := range map[string]string{
		"/":                   "/",
		"/usr":                "/usr",
		"/usr/":               "/usr",
		"/bin/sh":             "/usr/bin/dash",
		"/bin/../bin/dash":    "/usr/bin/dash", // by way of /usr
		"/abs":                "/usr/bin/dash",
		"/up/bin/sh":          "/usr/bin/dash",
		"/deep/l":             "/usr/bin/dash",
		"/dirslash":           "/usr",
		"/../../file":         "/file",
		"//usr//bin/.//dash":  "/usr/bin/dash",
		"/hard":               "/usr/bin/dash",
		"/loop":               "",
		"/a":                  "",
		"/into":               "",
		"/gone":               "",
		"/gone/x":             "",
		"/below":              "",
		"/slash":              "",
		"/file/":              "",
		"/file/.":             "",
		"/nothing":            "",
		"/usr/bin/dash/..":    "",
		"/bin/sh/../../../..": "",
	} {
		f, ok := tree.Lookup(path)
		require.Equal(t, want != "", ok, path)
		require.Equal(t, want, f.Path, path)
		checkLookup(t, tree, path)
	}
	checkTree(t, tree)
}

func TestLstatFollowsNoLastLink(t *testing.T) {
	t.Parallel()
	tree := merge(t, []string{"usr/bin/dash=sh", "usr/bin/sh -> dash", "bin -> usr/bin", "hard => usr/bin/dash"})
	f, ok := tree.Lstat("/bin/sh")
	require.True(t, ok)
	require.Equal(t, "/usr/bin/sh", f.Path)
	require.Equal(t, "dash", f.Link)
	f, ok = tree.Lstat("/bin/")
	require.True(t, ok)
	require.Equal(t, "/usr/bin", f.Path)
	f, ok = tree.Lstat("/hard")
	require.True(t, ok)
	require.Equal(t, "/hard", f.Path)
	require.Equal(t, "/usr/bin/dash", f.Link)
	require.True(t, f.Mode.IsRegular())
}

func TestTrace(t *testing.T) {
	t.Parallel()
	tree := merge(t, []string{"usr/bin/dash=sh", "usr/bin/sh -> /usr/bin/dash", "bin -> usr/bin", "a -> b", "b -> a", "file=x", "hard => file"})
	for path, test := range map[string]struct {
		way   string
		err   error
		where string
	}{
		"/":            {way: "/"},
		"/bin/sh":      {way: "/ /bin /usr /usr/bin /usr/bin/sh /usr/bin/dash"},
		"/hard":        {way: "/ /hard"},
		"/bin/no/more": {way: "/ /bin /usr /usr/bin", err: fs.ErrNotExist, where: "/usr/bin/no"},
		"/a":           {way: "/ /a /b", err: ErrLinkLoop, where: "/a"},
		"/file/x":      {way: "/", err: ErrNotDirectory, where: "/file"},
	} {
		way, err := tree.Trace(path)
		var paths []string
		for _, f := range way {
			paths = append(paths, f.Path)
		}
		require.Equal(t, test.way, strings.Join(paths, " "), path)
		require.ErrorIs(t, err, test.err, path)
		if err != nil {
			var at *fs.PathError
			require.ErrorAs(t, err, &at)
			require.Equal(t, test.where, at.Path)
		}
	}
}

func TestAsManyLinksAsTheKernelFollows(t *testing.T) {
	t.Parallel()
	lines := []string{"end=x"}
	for i := range 45 {
		target := "end"
		if i > 0 {
			target = "l" + strings.Repeat("x", i-1)
		}
		lines = append(lines, "l"+strings.Repeat("x", i)+" -> "+target)
	}
	tree := merge(t, lines)
	checkTree(t, tree)
	_, ok := tree.Lookup("/l" + strings.Repeat("x", 39)) // the 40th
	require.True(t, ok)
	_, ok = tree.Lookup("/l" + strings.Repeat("x", 40))
	require.False(t, ok)
}

func TestLayersOfFiles(t *testing.T) {
	t.Parallel()
	s := NewStore(Limits{})
	base, upper := readLayer(t, s, "etc/passwd=root", "lib/x=1", "keep=1"), readLayer(t, s, "./", "etc/", "lib/y=2", "n/m=3", "linked => keep")
	tree, err := s.Merge(t.Context(), []*Layer{base, upper})
	require.NoError(t, err)
	got := map[string]int{}
	for f := range tree.All() {
		got[f.Path] = f.Layer
		want := ""
		if f.Layer >= 0 {
			want = []*Layer{base, upper}[f.Layer].DiffID()
		}
		require.Equal(t, want, f.DiffID)
	}
	require.Equal(t, map[string]int{
		"/etc": 1, "/etc/passwd": 0, "/keep": 0, "/lib": -1, "/lib/x": 0, "/lib/y": 1, "/linked": 1, "/n": -1, "/n/m": 1,
	}, got)
	root, ok := tree.Lookup("/")
	require.True(t, ok)
	require.Equal(t, 1, root.Layer)
	require.Equal(t, int64(4+1+1+1+1), tree.Bytes())
	require.Equal(t, 9, tree.Entries())
	require.Equal(t, 3, base.Entries())
	require.Equal(t, int64(len(layerTar(t, "etc/passwd=root", "lib/x=1", "keep=1"))), base.Bytes())
	require.NoError(t, tree.Close())
	require.NoError(t, s.Close())
}

func TestLayersAreSharedBetweenTrees(t *testing.T) {
	t.Parallel()
	s := NewStore(Limits{})
	base := readLayer(t, s, "a=1", "b => a")
	one, err := s.Merge(t.Context(), []*Layer{base, readLayer(t, s, ".wh.a")})
	require.NoError(t, err)
	two, err := s.Merge(t.Context(), []*Layer{base, base, readLayer(t, s, "a=2")})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Equal(t, []string{"b=1"}, show(t, one))
	require.NoError(t, one.Close())
	require.Equal(t, []string{"a=2", "b=1"}, show(t, two), "content outlives the other tree")
	require.NoError(t, two.Close())
	require.NoError(t, two.Close(), "closing twice is harmless")
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	tree := mergeHeaders(t,
		&tar.Header{Name: "su", Typeflag: tar.TypeReg, Mode: 0o100_7755, Uid: 1, Gid: 2},
		&tar.Header{Name: "c", Typeflag: tar.TypeChar, Mode: 0o600},
		&tar.Header{Name: "b", Typeflag: tar.TypeBlock, Mode: 0o600},
		&tar.Header{Name: "p", Typeflag: tar.TypeFifo, Mode: 0o600},
		&tar.Header{Name: "d", Typeflag: tar.TypeDir, Mode: 0o1777, Uid: 1 << 40, Gid: -1},
		&tar.Header{Name: "lie", Typeflag: tar.TypeReg, Mode: 0o040755},
		&tar.Header{Name: "plain", Typeflag: tar.TypeReg, Mode: 0o644},
		&tar.Header{Name: "other", Typeflag: tar.TypeLink, Linkname: "plain", Mode: 0o4755, Uid: 7},
	)
	for path, want := range map[string]sbom.File{
		"/su":    {Mode: 0o755 | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky, UID: 1, GID: 2},
		"/c":     {Mode: 0o600 | fs.ModeDevice | fs.ModeCharDevice},
		"/b":     {Mode: 0o600 | fs.ModeDevice},
		"/p":     {Mode: 0o600 | fs.ModeNamedPipe},
		"/d":     {Mode: 0o777 | fs.ModeDir | fs.ModeSticky, UID: 1 << 40, GID: -1},
		"/lie":   {Mode: 0o755},
		"/plain": {Mode: 0o755 | fs.ModeSetuid, UID: 7}, // unpacking the hard link changed it
		"/other": {Mode: 0o755 | fs.ModeSetuid, UID: 7},
	} {
		f, ok := tree.Lstat(path)
		require.True(t, ok)
		require.Equal(t, want, sbom.File{Mode: f.Mode, UID: f.UID, GID: f.GID}, path)
	}
}

// mergeHeaders makes a tree of one layer of empty files.
func mergeHeaders(t testing.TB, headers ...*tar.Header) *Tree {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, hdr := range headers {
		hdr.Format = tar.FormatGNU // has room for odd owners
		require.NoError(t, w.WriteHeader(hdr))
	}
	require.NoError(t, w.Close())
	s := NewStore(Limits{})
	l, err := s.ReadLayer(t.Context(), "sha256:x", &b, Rules{Keep: keepAll})
	require.NoError(t, err)
	tree, err := s.Merge(t.Context(), []*Layer{l})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	t.Cleanup(func() { require.NoError(t, tree.Close()) })
	return tree
}

func TestOpen(t *testing.T) {
	t.Parallel()
	s := NewStore(Limits{})
	keep := func(path string, head []byte, size int64) bool {
		require.LessOrEqual(t, len(head), HeadSize)
		return path == "/d/kept" && bytes.HasPrefix(head, []byte("con")) && size == 7
	}
	l, err := s.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(layerTar(t, "d/kept=content", "not=content", "empty", "l -> d/kept")), Rules{Keep: keep})
	require.NoError(t, err)
	tree, err := s.Merge(t.Context(), []*Layer{l})
	require.NoError(t, err)
	require.NoError(t, s.Close())

	open := func(path string) (sbom.Content, error) {
		f, ok := tree.Lstat(path)
		require.True(t, ok)
		return tree.Open(f)
	}
	c, err := open("/d/kept")
	require.NoError(t, err)
	require.NoError(t, iotest.TestReader(c, []byte("content")))
	_, err = open("/not")
	require.ErrorIs(t, err, sbom.ErrNotKept)
	c, err = open("/empty")
	require.NoError(t, err, "an empty file needs no keeping")
	require.NoError(t, iotest.TestReader(c, nil))
	for _, path := range []string{"/d", "/l", "/"} {
		_, err = open(path)
		require.ErrorIs(t, err, fs.ErrInvalid, path)
	}
	for _, node := range []int64{-1, 0, 1 << 40} {
		_, err = tree.Open(sbom.File{Node: node})
		require.ErrorIs(t, err, fs.ErrInvalid)
	}
	require.NoError(t, tree.Close())
	_, err = open("/d/kept")
	require.ErrorIs(t, err, fs.ErrClosed)
}

func TestAllStopsWhenAsked(t *testing.T) {
	t.Parallel()
	tree := merge(t, []string{"a/b/c=1", "a-/d=2", "e=3"})
	for stop := range tree.Entries() {
		seen := 0
		for range tree.All() {
			if seen++; seen > stop {
				break
			}
		}
		require.Equal(t, stop+1, seen)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	tree := merge(t, []string{"usr/bin/dash=sh", "usr/bin/sh -> dash", "bin -> usr/bin"}, []string{"usr/x=y"})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			checkTree(t, tree)
			f, _ := tree.Lookup("/bin/sh")
			contentOf(t, tree, f)
		})
	}
	wg.Wait()
}

func TestContentReadsLikeAFile(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]Limits{"memory": {}, "disk": {Memory: -1, Directory: t.TempDir()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := strings.Repeat("0123456789", 100_000)
			tree, err := tryMerge(t, limits, []string{"a=" + want, "b=other"})
			require.NoError(t, err)
			defer func() { require.NoError(t, tree.Close()) }()
			f, _ := tree.Lookup("/a")
			c, err := tree.Open(f)
			require.NoError(t, err)
			part := make([]byte, 5)
			_, err = c.ReadAt(part, 500_003)
			require.NoError(t, err)
			require.Equal(t, "34567", string(part))
			_, err = c.Seek(-3, io.SeekEnd)
			require.NoError(t, err)
			rest, err := io.ReadAll(c)
			require.NoError(t, err)
			require.Equal(t, "789", string(rest))
			require.Equal(t, want, contentOf(t, tree, f))
		})
	}
}
