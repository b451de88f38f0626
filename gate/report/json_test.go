package report

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is escaped reads as what it was.
func TestQuietJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":                `"plain"`,
		"é":                    `"é"`,
		"a\u0085b":             `"a\u0085b"`,
		"a\u202eb":             `"a\u202eb"`,
		"\U000e0001":           `"\udb40\udc01"`,
		"##vso[task]":          `"#\u0023vso[task]"`,
		"two\nlines":           `"two\nlines"`,
		"\u202e beside ##mark": `"\u202e beside #\u0023mark"`,
	} {
		encoded, err := json.Marshal(text)
		require.NoError(t, err)
		quiet := quietJSON(encoded)
		require.Equal(t, want, string(quiet))
		var back string
		require.NoError(t, json.Unmarshal(quiet, &back))
		require.Equal(t, text, back)
	}
}

func BenchmarkWriteJSON(b *testing.B) {
	type vulnerability struct{ ID, Package, Version, Description string }
	list := make([]vulnerability, 600)
	for i := range list {
		list[i] = vulnerability{"CVE-2024-10001", "libsample1", "1.2.0-2", strings.Repeat("a flaw in a sample. ", 40)}
	}
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, WriteJSON(io.Discard, list))
	}
}
