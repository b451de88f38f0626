package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/store"
)

func onDisk(t testing.TB, folder string, options ...store.Option) (*store.Store, *store.Disk) {
	t.Helper()
	disk := store.NewDisk(folder, 0)
	secret, err := disk.Secret()
	require.NoError(t, err)
	s, err := store.New(disk, secret, options...)
	require.NoError(t, err)
	return s, disk
}

func entries(t testing.TB, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "??", "*"))
	require.NoError(t, err)
	return found
}

func TestWhatComesOutIsWhatWentIn(t *testing.T) {
	t.Parallel()
	s, _ := onDisk(t, filepath.Join(t.TempDir(), "store"))
	random := make([]byte, 2_000_000)
	_, _ = rand.Read(random)
	for name, value := range map[string][]byte{
		"empty": {}, "short": []byte("x"), "binary": random, "repeated": bytes.Repeat([]byte(`{"a":1}`), 50_000),
	} {
		_, _, ok := s.Get(t.Context(), "files "+name)
		require.False(t, ok)
		s.Put(t.Context(), "files "+name, value)
		got, age, ok := s.Get(t.Context(), "files "+name)
		require.True(t, ok, name)
		require.True(t, bytes.Equal(value, got), name)
		require.Less(t, age, time.Minute)

		s.Put(t.Context(), "pieces "+name, slices.Collect(slices.Chunk(value, 1000))...)
		got, _, ok = s.Get(t.Context(), "pieces "+name)
		require.True(t, ok, name)
		require.True(t, bytes.Equal(value, got), "%s in pieces", name)
	}
}

func TestValuesOutliveTheProcess(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	written := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	first, _ := onDisk(t, folder, store.WithClock(func() time.Time { return written }))
	first.Put(t.Context(), "key", []byte("value"))
	second, _ := onDisk(t, folder, store.WithClock(func() time.Time { return written.Add(time.Hour) }))
	value, age, ok := second.Get(t.Context(), "key")
	require.True(t, ok)
	require.Equal(t, "value", string(value))
	require.Equal(t, time.Hour, age)
	before, _ := onDisk(t, folder, store.WithClock(func() time.Time { return written.Add(-time.Hour) }))
	_, age, ok = before.Get(t.Context(), "key")
	require.True(t, ok)
	require.Zero(t, age, "from the future")
}

// Whatever becomes of a file, it is a miss and never another value.
func TestDamagedEntriesAreMisses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s, _ := onDisk(t, folder, store.WithWarning(func(err error) { t.Errorf("warned: %v", err) }))
	value := bytes.Repeat([]byte("value"), 2000)
	s.Put(t.Context(), "key", value)
	path := entries(t, folder)[0]
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	miss := func(what string, content []byte) {
		require.NoError(t, os.WriteFile(path, content, 0o600))
		_, _, ok := s.Get(t.Context(), "key")
		require.False(t, ok, what)
	}
	for n := range whole {
		miss(fmt.Sprintf("cut to %d", n), whole[:n])
	}
	for n := range whole {
		edited := bytes.Clone(whole)
		edited[n] ^= 0x20
		miss(fmt.Sprintf("edited at %d", n), edited)
	}
	miss("longer", append(bytes.Clone(whole), 0))
	miss("foreign", []byte(`{"verdict": "allow"}`))

	s.Put(t.Context(), "other", []byte("other value"))
	for _, other := range entries(t, folder) {
		if other != path {
			content, err := os.ReadFile(other)
			require.NoError(t, err)
			miss("of another key", content)
		}
	}
	stranger, _ := onDisk(t, t.TempDir())
	stranger.Put(t.Context(), "key", []byte("allow"))
	_, _, ok := stranger.Get(t.Context(), "key")
	require.True(t, ok)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o700))
	_, _, ok = s.Get(t.Context(), "key")
	require.False(t, ok, "a folder")
	require.NoError(t, os.Remove(path))

	s.Put(t.Context(), "key", value)
	got, _, ok := s.Get(t.Context(), "key")
	require.True(t, ok, "a miss is mended by the next Put")
	require.Equal(t, value, got)
}

// An entry that was sealed with another secret comes from another machine.
func TestEntriesOfAnotherSecretAreMisses(t *testing.T) {
	t.Parallel()
	here, there := t.TempDir(), t.TempDir()
	mine, _ := onDisk(t, here)
	theirs, _ := onDisk(t, there)
	theirs.Put(t.Context(), "key", []byte("allow"))
	from := entries(t, there)[0]
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	to := filepath.Join(here, filepath.Base(filepath.Dir(from)), filepath.Base(from))
	require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o700))
	require.NoError(t, os.WriteFile(to, content, 0o600))
	_, _, ok := mine.Get(t.Context(), "key")
	require.False(t, ok)
}

func TestSecretIsPrivateAndMadeOnce(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a", "store")
	secrets := make([][]byte, 16)
	var group sync.WaitGroup
	for i := range secrets {
		group.Go(func() {
			secret, err := store.NewDisk(folder, 0).Secret()
			if err == nil {
				secrets[i] = secret
			}
		})
	}
	group.Wait()
	for _, secret := range secrets {
		require.Len(t, secret, store.SecretSize)
		require.Equal(t, secrets[0], secret)
	}
	path := filepath.Join(folder, "secret")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())

	require.NoError(t, os.WriteFile(path, []byte("short"), 0o600))
	again, err := store.NewDisk(folder, 0).Secret()
	require.NoError(t, err)
	require.Len(t, again, store.SecretSize)
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file stays")
}

// Processes that share a folder see whole entries only. Each has a Disk of its own.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var group sync.WaitGroup
	for writer := range 8 {
		s, disk := onDisk(t, folder)
		group.Go(func() {
			for i := range 40 {
				key := fmt.Sprintf("key %d", i%5)
				s.Put(t.Context(), key, []byte(key+" "+strings.Repeat("x", 5000*(writer+1))))
				if value, _, ok := s.Get(t.Context(), key); ok && !strings.HasPrefix(string(value), key+" ") {
					t.Errorf("%s has the value %.20s", key, value)
				}
				if i%10 == 0 {
					_, _ = disk.Prune(store.Pruning{MaxBytes: 1 << 10})
				}
			}
		})
	}
	group.Wait()
}

func TestPrune(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s, disk := onDisk(t, folder)
	value := make([]byte, 3000)
	for i := range 10 {
		s.Put(t.Context(), fmt.Sprintf("files %d", i), value)
	}
	for i, path := range entries(t, folder) {
		used := time.Now().Add(-time.Duration(i+1) * 24 * time.Hour)
		require.NoError(t, os.Chtimes(path, used, used))
	}
	foreign := filepath.Join(folder, "ab", "notes.txt")
	require.NoError(t, os.MkdirAll(filepath.Dir(foreign), 0o700))
	require.NoError(t, os.WriteFile(foreign, value, 0o600))
	abandoned := filepath.Join(folder, "ab", ".new-1")
	require.NoError(t, os.WriteFile(abandoned, value, 0o600))
	long := time.Now().Add(-2 * time.Hour)
	require.NoError(t, os.Chtimes(abandoned, long, long))

	status, err := disk.Status()
	require.NoError(t, err)
	require.Equal(t, 10, status.Entries)
	require.Equal(t, []store.Kind{{Name: "files", Entries: 10, Bytes: status.Bytes}}, status.Kinds)
	require.NoFileExists(t, abandoned)

	pruned, err := disk.Prune(store.Pruning{UnusedFor: 7*24*time.Hour + time.Hour, MaxBytes: -1})
	require.NoError(t, err)
	require.Equal(t, 3, pruned.Removed)
	require.Equal(t, 7, pruned.Left)
	// Entries differ by a few bytes: the time in them is written without trailing zeros.
	fiveAndABit := status.Bytes * 11 / 20
	pruned, err = disk.Prune(store.Pruning{MaxBytes: fiveAndABit})
	require.NoError(t, err)
	require.Equal(t, 5, pruned.Left)
	require.LessOrEqual(t, pruned.LeftBytes, fiveAndABit)
	for _, path := range entries(t, folder) {
		info, err := os.Stat(path)
		require.NoError(t, err)
		if path != foreign {
			require.Less(t, time.Since(info.ModTime()), 5*24*time.Hour+time.Hour, "the least recently used went")
		}
	}
	pruned, err = disk.Prune(store.Pruning{All: true, MaxBytes: -1})
	require.NoError(t, err)
	require.Zero(t, pruned.Left)
	require.FileExists(t, foreign)
}

func TestUseIsNoted(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s, _ := onDisk(t, folder)
	s.Put(t.Context(), "key", []byte("value"))
	path := entries(t, folder)[0]
	long := time.Now().Add(-100 * 24 * time.Hour)
	require.NoError(t, os.Chtimes(path, long, long))
	_, _, ok := s.Get(t.Context(), "key")
	require.True(t, ok)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Less(t, time.Since(info.ModTime()), time.Minute)
}

// The folder keeps its size without anybody pruning it.
func TestCloseKeepsTheLimit(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	const limit = 200_000
	random := make([]byte, 20_000)
	for run := range 8 {
		disk := store.NewDisk(folder, limit)
		secret, err := disk.Secret()
		require.NoError(t, err)
		s, err := store.New(disk, secret)
		require.NoError(t, err)
		for i := range 4 {
			_, _ = rand.Read(random)
			s.Put(t.Context(), fmt.Sprintf("files %d %d", run, i), random)
		}
		require.NoError(t, disk.Close())
		status, err := disk.Status()
		require.NoError(t, err)
		require.LessOrEqual(t, status.Bytes, int64(limit))
	}
}

// broken is a backend on which nothing works.
type broken struct{}

func (broken) Get(context.Context, string) ([]byte, error)         { return nil, errors.New("down") }
func (broken) Put(context.Context, string, io.Reader, int64) error { return errors.New("down") }

func TestBrokenBackendIsSaidOnce(t *testing.T) {
	t.Parallel()
	var warnings []error
	s, err := store.New(broken{}, make([]byte, store.SecretSize), store.WithWarning(func(err error) { warnings = append(warnings, err) }))
	require.NoError(t, err)
	for range 3 {
		s.Put(t.Context(), "key", []byte("value"))
		_, _, ok := s.Get(t.Context(), "key")
		require.False(t, ok)
	}
	require.Len(t, warnings, 1)
	require.ErrorContains(t, warnings[0], "down")
	_, err = store.New(broken{}, []byte("short"))
	require.ErrorContains(t, err, "32 bytes")
}

func TestScratch(t *testing.T) {
	t.Parallel()
	s := store.NewScratch(10)
	s.Put(t.Context(), "a", []byte("12345"))
	s.Put(t.Context(), "b", []byte("123456"))
	_, _, ok := s.Get(t.Context(), "b")
	require.False(t, ok, "too much")
	s.Put(t.Context(), "a", []byte("1234567890"))
	value, _, ok := s.Get(t.Context(), "a")
	require.True(t, ok)
	require.Equal(t, "1234567890", string(value))
}
