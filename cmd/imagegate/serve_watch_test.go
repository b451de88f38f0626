package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A file that is being written while it is read is read again, even where what was read
// of it names other files than before.
func TestWhatChangesWhileItIsReadIsSeen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write(t, dir, map[string][]byte{"policy": []byte("old"), "key": nil})
	files := []string{path("policy"), path("key")}
	w := &watched{files: func() []string { return files }}
	w.seen = fingerprint(w.files())
	reads := 0
	w.reload = func() error {
		if reads++; reads == 1 {
			files = files[:1]
			write(t, dir, map[string][]byte{"policy": []byte("written to its end")})
		}
		return nil
	}
	told := func(string, error) {}
	w.look(told)
	require.Zero(t, reads)
	write(t, dir, map[string][]byte{"policy": []byte("writ")})
	for range 4 {
		w.look(told)
	}
	require.Equal(t, 2, reads)

	files = append(files, path("key")) // the policy names another file now
	w.look(told)
	w.look(told)
	require.Equal(t, 3, reads)
}
