package filetree

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// treeOf makes a layer of n files of size bytes in directories of 20, as deep as
// those of a distribution.
func treeOf(b *testing.B, n, size int) []byte {
	b.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	content := bytes.Repeat([]byte("x"), size)
	for i := range n {
		hdr := &tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(size),
			Name: fmt.Sprintf("usr/lib/python3/dist-packages/package%04d/module%05d.py", i/20, i)}
		require.NoError(b, w.WriteHeader(hdr))
		_, err := w.Write(content)
		require.NoError(b, err)
	}
	require.NoError(b, w.Close())
	return out.Bytes()
}

func keepNone(string, []byte, int64) bool { return false }

func BenchmarkReadLayer(b *testing.B) {
	for name, c := range map[string]struct {
		files, size int
		keep        Keep
	}{
		"empty":   {10_000, 0, keepNone},
		"skipped": {10_000, 8 << 10, keepNone},
		"kept":    {10_000, 4 << 10, keepAll},
		"spilled": {1000, 128 << 10, keepAll},
	} {
		b.Run(name, func(b *testing.B) {
			layer := treeOf(b, c.files, c.size)
			b.SetBytes(int64(len(layer)))
			b.ReportAllocs()
			for b.Loop() {
				s := NewStore(Limits{})
				_, err := s.ReadLayer(b.Context(), "sha256:x", bytes.NewReader(layer), Rules{Keep: c.keep})
				require.NoError(b, err)
				require.NoError(b, s.Close())
			}
		})
	}
}

func benchTree(b *testing.B, n int) (*Store, []*Layer) {
	b.Helper()
	s := NewStore(Limits{})
	base, err := s.ReadLayer(b.Context(), "sha256:x", bytes.NewReader(treeOf(b, n, 0)), Rules{Keep: keepNone})
	require.NoError(b, err)
	upper := readLayer(b, s, "lib -> usr/lib", "usr/lib/python3/.wh.nothing", "usr/lib/python3/dist-packages/.wh.package0001", "etc/passwd=x")
	return s, []*Layer{base, upper}
}

func BenchmarkMerge(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, layers := benchTree(b, n)
			b.ReportAllocs()
			for b.Loop() {
				tree, err := s.Merge(b.Context(), layers)
				require.NoError(b, err)
				require.NoError(b, tree.Close())
			}
		})
	}
}

func BenchmarkTree(b *testing.B) {
	s, layers := benchTree(b, 10_000)
	tree, err := s.Merge(b.Context(), layers)
	require.NoError(b, err)
	const path = "/lib/python3/dist-packages/package0100/module02000.py"
	b.Run("Lookup", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, ok := tree.Lookup(path)
			require.True(b, ok)
		}
	})
	b.Run("LookupMiss", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, ok := tree.Lookup("/lib/python3/none")
			require.False(b, ok)
		}
	})
	b.Run("Trace", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := tree.Trace(path)
			require.NoError(b, err)
		}
	})
	b.Run("All", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for range tree.All() {
			}
		}
	})
}

// BenchmarkManyEmptyEntries measures what is left in memory of an image of very
// many entries, for each of them: of its layer, and of the tree besides.
func BenchmarkManyEmptyEntries(b *testing.B) {
	for _, n := range []int{500_000, 2_800_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				before := heap()
				s := NewStore(Limits{})
				l, err := s.ReadLayer(b.Context(), "sha256:x", manyEntries(n), Rules{Keep: keepNone})
				require.NoError(b, err)
				read := heap()
				tree, err := s.Merge(b.Context(), []*Layer{l})
				require.NoError(b, err)
				b.ReportMetric(float64(read-before)/float64(n), "layer-B/entry")
				b.ReportMetric(float64(heap()-read)/float64(n), "tree-B/entry")
				require.NotZero(b, tree.Entries())
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// manyEntries streams empty files.
func manyEntries(n int) io.Reader {
	r, w := io.Pipe()
	go func() {
		t := tar.NewWriter(w)
		for i := range n {
			name := fmt.Sprintf("some/directory/%05d/an-empty-file-%d", i/100, i)
			if t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}) != nil {
				return
			}
		}
		_ = t.Close()
		_ = w.Close()
	}()
	return r
}
