package inspect

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var marks = newScanner(shellMarks)

func find(t testing.TB, content []byte) *identity {
	t.Helper()
	found, err := marks.find(context.Background(), bytes.NewReader(content), int64(len(content)))
	require.NoError(t, err)
	return found
}

func TestEveryMarkIsFoundAndNeedsItsTexts(t *testing.T) {
	t.Parallel()
	for _, mark := range shellMarks {
		var content []byte
		for i, s := range mark.texts[:mark.least] {
			require.Greater(t, len(joined(s)), blockSize)
			require.Contains(t, s, cutOf(s), "%s: text %d is whole in this program", mark.name, i)
			require.Nil(t, find(t, content), "%s with %d texts", mark.name, i)
			content = append(append(content, 0), joined(s)...)
		}
		found := find(t, content)
		require.NotNil(t, found, mark.name)
		require.Equal(t, mark.name, found.name)
		require.Equal(t, len(mark.applets) == 0, found.shell)
	}
}

// cutOf is the cut that a text must have; wide texts are made at run time.
func cutOf(text string) string {
	if strings.Contains(text, "\x00\x00\x00") {
		return ""
	}
	return cut
}

func TestTextsAcrossChunks(t *testing.T) {
	t.Parallel()
	var want []byte
	for _, s := range texts("bash") {
		want = append(append(want, joined(s)...), 0)
	}
	padding := bytes.Repeat([]byte{'x'}, chunk)
	for shift := 0; shift < len(want); shift += 5 {
		content := slices.Concat(padding[shift:chunk], want)
		require.NotNil(t, find(t, content), shift)
	}
}

// TestThisProgramIsNoShell holds because no mark stands whole in the program that
// has the table of marks.
func TestThisProgramIsNoShell(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	content, err := os.ReadFile(self)
	require.NoError(t, err)
	require.Nil(t, find(t, content))
}

// TestShellsOfThisMachine looks at real shells where there are ELF ones.
func TestShellsOfThisMachine(t *testing.T) {
	t.Parallel()
	want := map[string]string{"dash": "dash", "bash": "bash", "zsh": "zsh", "busybox": "busybox", "mksh": "ksh", "yash": "yash", "fish": "fish", "tcsh": "csh"}
	seen := 0
	for _, name := range []string{"sh", "dash", "bash", "zsh", "busybox", "mksh", "yash", "fish", "tcsh"} {
		real, err := filepath.EvalSymlinks("/bin/" + name)
		if err != nil {
			continue
		}
		content, err := os.ReadFile(real)
		if header, ok := parseELFHeader(content); err != nil || !ok || !header.starts() {
			continue
		}
		seen++
		found := find(t, content)
		require.NotNil(t, found, real)
		require.True(t, found.shell, real)
		if known := want[filepath.Base(real)]; known != "" {
			require.Equal(t, known, found.name)
		}
	}
	if seen == 0 {
		t.Skip("no ELF shell on this machine; the marks are held by TestEveryMarkIsFoundAndNeedsItsTexts")
	}
}

func TestScanEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := marks.find(ctx, strings.NewReader("x"), 1)
	require.ErrorIs(t, err, context.Canceled)
}

// FuzzScan compares the scanner with a search for each text by itself.
func FuzzScan(f *testing.F) {
	s := marks
	for _, mark := range shellMarks {
		f.Add(joined(mark.texts[0]), uint8(0))
		f.Add(append([]byte("xx"), joined(strings.Join(mark.texts, "\x00"))...), uint8(3))
	}
	f.Fuzz(func(t *testing.T, content []byte, at uint8) {
		i := int(at) % len(s.texts)
		content = append(content, s.texts[i].bytes...)
		content = append(content, content...)
		seen := &sightings{texts: make([]bool, len(s.texts)), counts: make([]int, len(s.marks))}
		s.scan(content, seen)
		for i, text := range s.texts {
			require.Equal(t, bytes.Contains(content, text.bytes), seen.texts[i])
		}
	})
}

func BenchmarkScan(b *testing.B) {
	self, err := os.Executable()
	require.NoError(b, err)
	content, err := os.ReadFile(self)
	require.NoError(b, err)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		_, err := marks.find(context.Background(), bytes.NewReader(content), int64(len(content)))
		require.NoError(b, err)
	}
}
