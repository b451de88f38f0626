package filetree

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestLayersThatNobodyCanUnpack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		layers [][]string
		entry  string
		says   string
	}{
		"hard link to nothing":       {[][]string{{"a => b"}}, "/a", "not there"},
		"hard link to the outside":   {[][]string{{"a => ../../../etc/shadow"}}, "/a", "/etc/shadow"},
		"hard link forward":          {[][]string{{"a => b", "b=1"}}, "/a", "not there"},
		"hard link to itself":        {[][]string{{"a=1"}, {"a => a"}}, "/a", "not there"},
		"hard link into what it was": {[][]string{{"d/x=1"}, {"d => d/x"}}, "/d", "not there"},
		"hard link to a directory":   {[][]string{{"d/", "a => d"}}, "/a", "a directory"},
		"hard link to the root":      {[][]string{{"a => /"}}, "/a", "a directory"},
		"hard link around a loop":    {[][]string{{"l -> l", "a => l/x"}}, "/a", "not there"},
		"hard link to a whiteout":    {[][]string{{"b=1"}, {".wh.b", "a => b"}}, "/a", "not there"},
		"file in a file":             {[][]string{{"a=1", "a/b=2"}}, "/a", "not a directory"},
		"file in a link loop":        {[][]string{{"a -> b", "b -> a", "a/x=1"}}, "/a", "symbolic links"},
		"file for the root":          {[][]string{{"..=1"}}, "/", "root directory"},
		"link for the root":          {[][]string{{". -> x"}}, "/", "root directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tryMerge(t, Limits{}, test.layers...)
			var entry *EntryError
			require.ErrorAs(t, err, &entry)
			require.Equal(t, test.entry, entry.Name)
			require.ErrorContains(t, err, test.says)
			require.NotEmpty(t, entry.Remedy())
		})
	}
}

func TestEntriesThatMeanNothing(t *testing.T) {
	t.Parallel()
	for name, hdr := range map[string]*tar.Header{
		"whiteout of no name":       {Name: "a/.wh.", Typeflag: tar.TypeReg},
		"whiteout of the directory": {Name: "a/.wh..", Typeflag: tar.TypeReg},
		"whiteout of its parent":    {Name: "a/.wh...", Typeflag: tar.TypeReg},
		"link to nothing":           {Name: "a", Typeflag: tar.TypeSymlink},
		"unknown type":              {Name: "a", Typeflag: 'V'},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			require.NoError(t, w.WriteHeader(hdr))
			require.NoError(t, w.Close())
			_, err := NewStore(Limits{}).ReadLayer(t.Context(), "sha256:x", &b, Rules{Keep: keepAll})
			var entry *EntryError
			require.ErrorAs(t, err, &entry)
			require.ErrorContains(t, err, "reading layer sha256:x")
		})
	}
}

func TestTruncatedLayer(t *testing.T) {
	t.Parallel()
	whole := layerTar(t, "a="+strings.Repeat("x", 5000), "b="+strings.Repeat("y", 5000), "c=1")
	for name, keep := range map[string]Keep{"kept": keepAll, "not kept": func(string, []byte, int64) bool { return false }, "nil": nil} {
		for _, length := range []int{100, 511, 513, 1024, 1500, 4000, 6000, 10000} {
			s := NewStore(Limits{})
			_, err := s.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(whole[:length]), Rules{Keep: keep})
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%s, %d bytes", name, length)
			requireNothingTaken(t, s)
		}
	}
}

// requireNothingTaken holds that a layer that failed leaves room for another try.
func requireNothingTaken(t testing.TB, s *Store) {
	t.Helper()
	for _, a := range []*allowance{&s.entries, &s.names, &s.stream, &s.memory, &s.capabilities} {
		require.Zero(t, a.used.Load(), a.Limit)
	}
}

func TestGarbage(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	whole := layerTar(t, "a=some content", "dir/", "l -> a", "h => a")
	for range 2000 {
		flipped := bytes.Clone(whole)
		for range 1 + random.IntN(4) {
			flipped[random.IntN(len(flipped))] ^= 1 << random.IntN(8)
		}
		s := NewStore(Limits{})
		l, err := s.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(flipped), Rules{Keep: keepAll})
		if err != nil {
			continue
		}
		if tree, err := s.Merge(t.Context(), []*Layer{l}); err == nil {
			checkTree(t, tree)
			require.NoError(t, tree.Close())
		}
	}
	noise := make([]byte, 10240)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	_, err := NewStore(Limits{}).ReadLayer(t.Context(), "sha256:x", bytes.NewReader(noise), Rules{Keep: keepAll})
	require.ErrorIs(t, err, tar.ErrHeader)
}

func TestReadsToTheEndOfTheStream(t *testing.T) {
	t.Parallel()
	stream := bytes.NewReader(append(layerTar(t, "a=1"), strings.Repeat("after the archive", 100_000)...))
	size := stream.Size()
	l, err := NewStore(Limits{}).ReadLayer(t.Context(), "sha256:x", iotest.OneByteReader(stream), Rules{Keep: keepAll})
	require.NoError(t, err)
	require.Zero(t, stream.Len())
	require.Equal(t, size, l.Bytes())
}

func TestErrorsOfTheStreamComeThrough(t *testing.T) {
	t.Parallel()
	reset := errors.New("connection reset")
	whole := layerTar(t, "a="+strings.Repeat("x", 200_000))
	for _, length := range []int{0, 700, 150_000, len(whole)} {
		r := io.MultiReader(bytes.NewReader(whole[:length]), iotest.ErrReader(reset))
		_, err := NewStore(Limits{}).ReadLayer(t.Context(), "sha256:x", r, Rules{Keep: keepAll})
		require.ErrorIs(t, err, reset, "after %d bytes", length)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	cause := errors.New("nobody waits")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := NewStore(Limits{})
	l := readLayer(t, s, "a=1", "l -> a")
	endless := &endlessTar{}
	endless.onRead = func() {
		if endless.reads == 10 {
			cancel(cause)
		}
	}
	_, err := s.ReadLayer(ctx, "sha256:x", endless, Rules{Keep: keepAll})
	require.ErrorIs(t, err, cause)
	_, err = s.Merge(ctx, []*Layer{l})
	require.ErrorIs(t, err, cause)
}

// endlessTar is one file of 2^60 zeros.
type endlessTar struct {
	header []byte
	reads  int
	onRead func()
}

func (e *endlessTar) Read(p []byte) (int, error) {
	if e.reads == 0 {
		var b bytes.Buffer
		if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: "a", Typeflag: tar.TypeReg, Size: 1 << 30}); err != nil {
			return 0, err
		}
		e.header = b.Bytes()
	}
	e.reads++
	if e.onRead != nil {
		e.onRead()
	}
	n := copy(p, e.header)
	e.header = e.header[n:]
	clear(p[n:])
	return len(p), nil
}

func TestLimits(t *testing.T) {
	t.Parallel()
	many := make([]string, 300)
	for i := range many {
		many[i] = fmt.Sprintf("file-number-%d", i)
	}
	for name, test := range map[string]struct {
		limits Limits
		layers [][]string
	}{
		"Entries":    {Limits{Entries: 299}, [][]string{many}},
		"NameBytes":  {Limits{NameBytes: 1000}, [][]string{many}},
		"LayerBytes": {Limits{LayerBytes: 100_000}, [][]string{many}},
		"TotalBytes": {Limits{TotalBytes: 5000}, [][]string{{"a="}, {"b="}, {"c="}, {"d="}}},
		"PathLength": {Limits{}, [][]string{{strings.Repeat("a/", 200) + strings.Repeat("b", 4000)}}},
		"Depth":      {Limits{}, [][]string{{strings.Repeat("a/", 513)}}},
		"Disk":       {Limits{Memory: -1, Disk: 10}, [][]string{{"a=12345678901"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewStore(test.limits)
			var err error
			for _, lines := range test.layers {
				if _, err = s.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(layerTar(t, lines...)), Rules{Keep: keepAll}); err != nil {
					break
				}
			}
			requireLimit(t, name, err)
			if len(test.layers) == 1 {
				requireNothingTaken(t, s)
			}
		})
	}
}

func requireLimit(t *testing.T, limit string, err error) {
	t.Helper()
	var over *LimitError
	require.ErrorAs(t, err, &over)
	require.Equal(t, limit, over.Limit)
	require.ErrorContains(t, err, limit)
	require.Contains(t, over.Remedy(), limit)
}

func TestLimitsOfMerging(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("d/", 8)
	for name, test := range map[string]struct {
		limit  string
		limits Limits
		layers [][]string
	}{
		"too many layers":                 {"Layers", Limits{Layers: 2}, [][]string{{}, {}, {}}},
		"implied directories are entries": {"Entries", Limits{Entries: 20}, [][]string{{"a/" + deep, "b/" + deep, "c/" + deep}}},
		"paths multiply in a tree":        {"NameBytes", Limits{NameBytes: 150}, [][]string{{deep, deep + "a", deep + "b", deep + "c", deep + "d", deep + "e"}}},
		"links lead deeper":               {"Depth", Limits{Depth: 10}, [][]string{{deep, "l -> " + deep, "l/" + deep}}},
		"links lead to long paths":        {"PathLength", Limits{PathLength: 30}, [][]string{{deep, "l -> " + deep, "l/" + strings.Repeat("x", 20)}}},
		"links lead in circles": {"Steps", Limits{Steps: 1000}, [][]string{{"d/x/", "a -> d/x/../../" + strings.Repeat("d/x/../../", 30),
			"b -> a/a/a/a/a/a/a/a", "b/1", "b/2/", "b/2/3", "b/4/5", "b/6/7"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tryMerge(t, test.limits, test.layers...)
			requireLimit(t, test.limit, err)
		})
	}
}

func TestLayersOfAnotherStore(t *testing.T) {
	t.Parallel()
	l := readLayer(t, NewStore(Limits{}), "a=1")
	_, err := NewStore(Limits{}).Merge(t.Context(), []*Layer{l})
	require.ErrorContains(t, err, "another store")
}

// A sparse file may be petabytes in a few hundred bytes of tar.
func TestSparseBomb(t *testing.T) {
	t.Parallel()
	s := NewStore(Limits{Memory: 1 << 20, Disk: 1 << 20, Directory: t.TempDir()})
	_, err := s.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(sparseTar(t, 1<<50)), Rules{Keep: keepAll})
	requireLimit(t, "LayerBytes", err)
	_, err = s.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(sparseTar(t, 1<<30)), Rules{Keep: keepAll})
	requireLimit(t, "Disk", err)
	l, err := s.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(sparseTar(t, 4096)), Rules{Keep: keepAll})
	require.NoError(t, err)
	tree, err := s.Merge(t.Context(), []*Layer{l})
	require.NoError(t, err)
	f, ok := tree.Lookup("/sparse")
	require.True(t, ok)
	require.Equal(t, "data"+strings.Repeat("\x00", 4092), contentOf(t, tree, f))
	require.NoError(t, tree.Close())
}

// sparseTar is one GNU sparse file, format 1.0, that begins with "data".
func sparseTar(t *testing.T, size int64) []byte {
	t.Helper()
	block := make([]byte, 1024)
	copy(block, "1\n0\n4\n")
	copy(block[512:], "data")
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "sparse", Typeflag: tar.TypeReg, Size: 516, PAXRecords: map[string]string{
		"XXX.sparse.major": "1", "XXX.sparse.minor": "0", "XXX.sparse.name": "/sparse", "XXX.sparse.realsize": fmt.Sprint(size),
	}}))
	_, err := w.Write(block[:516])
	require.NoError(t, err)
	require.NoError(t, w.Close())
	// The writer makes no sparse files; records of another vendor it does.
	return bytes.ReplaceAll(b.Bytes(), []byte("XXX.sparse"), []byte("GNU.sparse"))
}

func TestLongNamesInAllFormats(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long/", 60) + "name"
	for _, format := range []tar.Format{tar.FormatPAX, tar.FormatGNU} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		require.NoError(t, w.WriteHeader(&tar.Header{Name: long, Typeflag: tar.TypeReg, Format: format}))
		require.NoError(t, w.WriteHeader(&tar.Header{Name: "l", Linkname: long, Typeflag: tar.TypeSymlink, Format: format}))
		require.NoError(t, w.Close())
		s := NewStore(Limits{})
		l, err := s.ReadLayer(t.Context(), "sha256:x", &b, Rules{})
		require.NoError(t, err)
		tree, err := s.Merge(t.Context(), []*Layer{l})
		require.NoError(t, err)
		f, ok := tree.Lookup("/l")
		require.True(t, ok)
		require.Equal(t, "/"+long, f.Path)
		require.NoError(t, tree.Close())
	}
}

func TestGlobalHeadersAreNoFiles(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x", "path": "/etc/passwd"}}))
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "a", Typeflag: tar.TypeReg}))
	require.NoError(t, w.Close())
	l, err := NewStore(Limits{}).ReadLayer(t.Context(), "sha256:x", &b, Rules{})
	require.NoError(t, err)
	require.Equal(t, 1, l.Entries())
}

// Whoever repeats a whiteout a million times must not make the directory be
// walked as often: then this test would not end.
func TestRepeatedWhiteoutsCostLittle(t *testing.T) {
	t.Parallel()
	const n = 50_000
	lower, upper := make([]string, n), make([]string, 0, 3*n)
	for i := range lower {
		lower[i] = fmt.Sprintf("a/b/%d", i)
		upper = append(upper, fmt.Sprintf("a/b/new%d", i), "a/.wh.b", "a/b/.wh..wh..opq")
	}
	_, err := tryMerge(t, Limits{}, lower, upper)
	var entry *EntryError // hidden and stated in one layer
	require.ErrorAs(t, err, &entry)
	require.Equal(t, "/a/b", entry.Name)
}

// A chain of links that each lead to the next must not cost its square, and not
// the stack either.
func TestLongChainOfLinks(t *testing.T) {
	t.Parallel()
	lines := make([]string, 50_000)
	for i := range lines {
		lines[i] = fmt.Sprintf("%06d -> %06d", i, i+1)
	}
	tree := merge(t, append(lines, fmt.Sprintf("%06d=end", len(lines))))
	_, ok := tree.Lookup("/000000")
	require.False(t, ok)
	f, ok := tree.Lookup(fmt.Sprintf("/%06d", len(lines)-40))
	require.True(t, ok)
	require.Equal(t, "end", contentOf(t, tree, f))
}

// A trace through links within links visits more than it could return.
func TestTraceThroughTooMuch(t *testing.T) {
	t.Parallel()
	lines := []string{"d/", "end=x", "l0 -> " + strings.Repeat("d/../", 600) + "end"}
	for i := range 20 {
		lines = append(lines, fmt.Sprintf("l%d -> %sl%d", i+1, strings.Repeat("d/../", 600), i))
	}
	tree := merge(t, lines)
	_, err := tree.Trace("/l20")
	require.ErrorIs(t, err, ErrTooFar)
	f, ok := tree.Lookup("/l20")
	require.True(t, ok, "looking up does not walk it again")
	require.Equal(t, "/end", f.Path)
}

func TestSpill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := NewStore(Limits{Memory: 10, Directory: dir})
	one := readLayer(t, s, "a=123456", "b=123456")
	two := readLayer(t, s, "c=abcdefghijklmnop", "d=1234", "e="+strings.Repeat("long", 100_000))
	tree, err := s.Merge(t.Context(), []*Layer{one, two})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Equal(t, []string{"a=123456", "b=123456", "c=abcdefghijklmnop", "d=1234", "e=" + strings.Repeat("long", 100_000)}, show(t, tree))
	require.Equal(t, int64(10), s.memory.used.Load())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "the file has no name while it is used")
	f, _ := tree.Lookup("/b")
	c, err := tree.Open(f)
	require.NoError(t, err)
	require.NoError(t, tree.Close())
	_, err = io.ReadAll(c)
	var spill *SpillError
	require.ErrorAs(t, err, &spill, "what was open ends with an error, not with other content")
}

func TestNowhereToSpill(t *testing.T) {
	t.Parallel()
	s := NewStore(Limits{Memory: -1, Directory: filepath.Join(t.TempDir(), "missing")})
	_, err := s.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(layerTar(t, "a=1")), Rules{Keep: keepAll})
	var spill *SpillError
	require.ErrorAs(t, err, &spill)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NotEmpty(t, spill.Remedy())
	_, err = s.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(layerTar(t, "a=1")), Rules{})
	require.NoError(t, err, "no disk is needed where nothing is kept")
	require.NoError(t, s.Close())
}
