package filetree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom"
)

func encoded(t testing.TB, l *Layer) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, l.Encode(&out))
	return out.Bytes()
}

func TestDecodedLayersAreTheSame(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("large", 200_000)
	layers := [][]string{
		{"bin -> usr/bin", "usr/bin/sh=shell", "etc/", "etc/passwd=root", "empty=", "large=" + large},
		{"usr/bin/.wh.sh", "h => large", "etc/.wh..wh..opq", "etc/group=x", "bin/dash=2"},
	}
	for name, limits := range map[string]Limits{"memory": {}, "disk": {Memory: -1, Directory: t.TempDir()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := NewStore(limits), NewStore(limits)
			var read, decoded []*Layer
			for _, lines := range layers {
				l := readLayer(t, before, lines...)
				read = append(read, l)
				again, err := after.DecodeLayer(l.DiffID(), bytes.NewReader(encoded(t, l)))
				require.NoError(t, err)
				require.Equal(t, l.Bytes(), again.Bytes())
				decoded = append(decoded, again)
			}
			for _, used := range []func(*Store) int64{
				func(s *Store) int64 { return s.entries.used.Load() }, func(s *Store) int64 { return s.stream.used.Load() },
				func(s *Store) int64 { return s.memory.used.Load() },
			} {
				require.Equal(t, used(before), used(after))
			}
			want, err := before.Merge(t.Context(), read)
			require.NoError(t, err)
			got, err := after.Merge(t.Context(), decoded)
			require.NoError(t, err)
			require.Equal(t, show(t, want), show(t, got))
			require.Equal(t, encoded(t, read[0]), encoded(t, decoded[0]))
			for _, closing := range []io.Closer{before, after, want, got} {
				require.NoError(t, closing.Close())
			}
		})
	}
}

func condensedLayer(t testing.TB, s *Store, rule Condense, lines ...string) *Layer {
	t.Helper()
	l, err := s.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(layerTar(t, lines...)), Rules{Keep: keepAll, Condense: rule})
	require.NoError(t, err)
	return l
}

// What a rule leaves out reads as zeros, and is known for it.
func TestCondensedContent(t *testing.T) {
	t.Parallel()
	ends := func(path string, content []byte) ([]sbom.Range, bool) {
		return []sbom.Range{{Offset: 0, Length: 2}, {Offset: int64(len(content)) - 3, Length: 3}}, strings.HasPrefix(path, "/d/")
	}
	s := NewStore(Limits{})
	once := condensedLayer(t, s, ends, "d/a=0123456789", "b=0123456789")
	twice, err := s.DecodeLayer("sha256:x", bytes.NewReader(encoded(t, once)))
	require.NoError(t, err, "what is condensed stays so")
	for _, l := range []*Layer{once, twice} {
		require.Equal(t, 1, strings.Count(string(encoded(t, l)), "23456"))
		tree, err := s.Merge(t.Context(), []*Layer{l})
		require.NoError(t, err)
		require.Equal(t, []string{"b=0123456789", "d/", "d/a=01\x00\x00\x00\x00\x00789"}, show(t, tree))
		for path, condensed := range map[string]bool{"/d/a": true, "/b": false} {
			f, _ := tree.Lookup(path)
			content, err := tree.Open(f)
			require.NoError(t, err)
			_, is := content.(sbom.Condensed)
			require.Equal(t, condensed, is, path)
			for offset := range int64(10) {
				part := make([]byte, 4)
				n, err := content.ReadAt(part, offset)
				require.Equal(t, min(4, 10-offset), int64(n))
				require.True(t, err == nil || errors.Is(err, io.EOF) && n < 4)
			}
			require.NoError(t, content.Close())
		}
		require.NoError(t, tree.Close())
	}
	require.NoError(t, s.Close())
}

// A rule that makes no sense condenses nothing.
func TestPartsThatAreNone(t *testing.T) {
	t.Parallel()
	for name, parts := range map[string][]sbom.Range{
		"none": {}, "beyond the end": {{Offset: 5, Length: 6}}, "negative": {{Offset: -1, Length: 2}}, "empty": {{Offset: 1, Length: 0}},
		"overlapping": {{Offset: 0, Length: 5}, {Offset: 4, Length: 1}}, "out of order": {{Offset: 5, Length: 1}, {Offset: 0, Length: 1}},
		"huge": {{Offset: 5, Length: 1<<63 - 1}},
	} {
		s := NewStore(Limits{})
		senseless := func(string, []byte) ([]sbom.Range, bool) { return parts, true }
		require.Equal(t, encoded(t, readLayer(t, s, "a=0123456789")), encoded(t, condensedLayer(t, s, senseless, "a=0123456789")), name)
	}
}

func TestDamagedLayersAreNone(t *testing.T) {
	t.Parallel()
	s := NewStore(Limits{})
	whole := encoded(t, readLayer(t, s, "a/b=content", "l -> a", "a/.wh.c"))
	requireUndecoded := func(data []byte, what string) {
		s := NewStore(Limits{})
		_, err := s.DecodeLayer("sha256:x", bytes.NewReader(data))
		require.Error(t, err, what)
		requireNothingTaken(t, s)
	}
	for n := range whole {
		requireUndecoded(whole[:n], fmt.Sprintf("cut to %d", n))
	}
	requireUndecoded(append(bytes.Clone(whole), 0), "longer")
}

func TestDecodingHoldsTheLimits(t *testing.T) {
	t.Parallel()
	data := encoded(t, readLayer(t, NewStore(Limits{}), "a/b=content", "c=1"))
	for name, limits := range map[string]Limits{"Entries": {Entries: 1}, "NameBytes": {NameBytes: 2}, "TotalBytes": {TotalBytes: 100}} {
		s := NewStore(limits)
		_, err := s.DecodeLayer("sha256:x", bytes.NewReader(data))
		require.Error(t, err, name)
		requireNothingTaken(t, s)
	}
}

// FuzzDecodeLayer decodes any bytes, and merges what comes out.
func FuzzDecodeLayer(f *testing.F) {
	for _, lines := range [][]string{{}, {"a=1"}, {"./a/b=content", "a/.wh.c", "a/.wh..wh..opq", ".wh.a"}, {"l -> a", "a/b", "l/c=1", "h => a/b"}} {
		f.Add(encoded(f, readLayer(f, NewStore(fuzzLimits), lines...)))
	}
	l, err := NewStore(fuzzLimits).ReadLayer(f.Context(), "sha256:x", bytes.NewReader(headersTar(f, capable("a", ping), capable("h => a", net))), Rules{Keep: keepAll})
	require.NoError(f, err)
	f.Add(encoded(f, l))
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := fuzzLimits
		limits.Directory = t.TempDir()
		s := NewStore(limits)
		defer func() { require.NoError(t, s.Close()) }()
		l, err := s.DecodeLayer("sha256:x", bytes.NewReader(data))
		if err != nil {
			requireNothingTaken(t, s)
			return
		}
		tree, err := s.Merge(t.Context(), []*Layer{readLayer(t, s, "a/b=1", "l -> a"), l})
		if err != nil {
			return
		}
		for f := range tree.All() {
			if content, err := tree.Open(f); err == nil {
				_, _ = io.CopyN(io.Discard, content, 1<<16)
			}
		}
		require.NoError(t, tree.Close())
	})
}

func BenchmarkDecodeLayer(b *testing.B) {
	var lines []string
	for i := range 10_000 {
		lines = append(lines, fmt.Sprintf("usr/share/d%d/f%d=content of a file", i/100, i))
	}
	data := encoded(b, readLayer(b, NewStore(Limits{}), lines...))
	b.ReportAllocs()
	for b.Loop() {
		_, err := NewStore(Limits{}).DecodeLayer("sha256:x", bytes.NewReader(data))
		require.NoError(b, err)
	}
}
