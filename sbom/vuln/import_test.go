package vuln_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom/vuln"
)

// unpacked is the database of a published archive.
func unpacked(t testing.TB, archive string) []byte {
	t.Helper()
	file, err := os.Open(archive)
	require.NoError(t, err)
	defer file.Close()
	decompressed, err := gzip.NewReader(file)
	require.NoError(t, err)
	reader := tar.NewReader(decompressed)
	_, err = reader.Next()
	require.NoError(t, err)
	content, err := io.ReadAll(reader)
	require.NoError(t, err)
	return content
}

type entry struct {
	header  tar.Header
	content []byte
}

func file(name string, content []byte) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, content}
}

func tarball(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	writer := tar.NewWriter(&out)
	for _, e := range entries {
		e.header.Size = int64(len(e.content))
		require.NoError(t, writer.WriteHeader(&e.header))
		_, err := writer.Write(e.content)
		require.NoError(t, err)
	}
	require.NoError(t, writer.Close())
	return out.Bytes()
}

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	_, err := writer.Write(content)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	return out.Bytes()
}

func zstandard(t testing.TB, content []byte) []byte {
	t.Helper()
	writer, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	defer writer.Close()
	return writer.EncodeAll(content, nil)
}

func TestImport(t *testing.T) {
	t.Parallel()
	database := unpacked(t, buildArchive(t, built).Archive)
	archive := tarball(t, file("./import.json", []byte("{}")), file("./vulnerability.db", database))
	for name, content := range map[string][]byte{
		"tar.gz":     gzipped(t, archive),
		"tar.zst":    zstandard(t, archive),
		"not packed": database,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			directory := filepath.Join(t.TempDir(), "db")
			result, err := vuln.ImportFrom(t.Context(), directory, bytes.NewReader(content), "the archive")
			require.NoError(t, err)
			require.True(t, result.Changed)
			require.Equal(t, built, result.Database.Built)
			require.Equal(t, "import of the archive", result.Database.Source)

			again, err := vuln.ImportFrom(t.Context(), directory, bytes.NewReader(content), "again")
			require.NoError(t, err)
			require.False(t, again.Changed)
			require.Equal(t, result.Database, again.Database)

			_, err = vuln.ImportFrom(t.Context(), directory, bytes.NewReader(content), "again", vuln.WithForce())
			require.NoError(t, err)
			require.Equal(t, "import of again", vuln.Inspect(directory).Database.Source)
		})
	}
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	database := unpacked(t, buildArchive(t, later(1)).Archive)
	good := file("vulnerability.db", database)
	packed := gzipped(t, tarball(t, good))
	outside := filepath.Join(t.TempDir(), "vulnerability.db")
	tests := map[string]struct {
		content []byte
		message string
	}{
		"empty":             {nil, "empty"},
		"text":              {[]byte("no archive at all"), "neither tar.gz nor tar.zst"},
		"page":              {[]byte("\n <HTML><body>"), "web page"},
		"truncated gzip":    {packed[:len(packed)-20], "ends too early"},
		"half of it":        {packed[:len(packed)/2], "ends too early"},
		"truncated zstd":    {zstandard(t, tarball(t, good))[:2000], "ends too early"},
		"no database":       {gzipped(t, tarball(t, file("readme", nil))), "no vulnerability.db"},
		"two databases":     {gzipped(t, tarball(t, good, good)), "twice"},
		"climbs out":        {gzipped(t, tarball(t, file("../vulnerability.db", database))), "leads out"},
		"climbs out within": {gzipped(t, tarball(t, file("a/../../vulnerability.db", database), good)), "leads out"},
		"absolute":          {gzipped(t, tarball(t, file(outside, database), good)), "leads out"},
		"backslashes":       {gzipped(t, tarball(t, file(`..\vulnerability.db`, database), good)), "leads out"},
		"symbolic link":     {gzipped(t, tarball(t, entry{header: tar.Header{Typeflag: tar.TypeSymlink, Name: "vulnerability.db", Linkname: "/etc/passwd"}})), "neither file nor folder"},
		"hard link":         {gzipped(t, tarball(t, entry{header: tar.Header{Typeflag: tar.TypeLink, Name: "vulnerability.db", Linkname: "/etc/passwd"}})), "neither file nor folder"},
		"device":            {gzipped(t, tarball(t, entry{header: tar.Header{Typeflag: tar.TypeChar, Name: "vulnerability.db"}})), "neither file nor folder"},
		"many entries":      {gzipped(t, tarball(t, many(100)...)), "entries"},
		"no sqlite":         {gzipped(t, tarball(t, file("vulnerability.db", []byte("hello")))), "corrupt"},
		"damaged sqlite":    {gzipped(t, tarball(t, file("vulnerability.db", append([]byte("SQLite format 3\x00"), make([]byte, 5000)...)))), "corrupt"},
		"truncated sqlite":  {gzipped(t, tarball(t, file("vulnerability.db", database[:len(database)/2]))), "corrupt"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			directory := smallDirectory(t)
			before := vuln.Inspect(directory)
			_, err := vuln.ImportFrom(t.Context(), directory, bytes.NewReader(test.content), "the archive")
			require.ErrorContains(t, err, test.message)
			var remedy interface{ Remedy() string }
			require.ErrorAs(t, err, &remedy)
			require.Equal(t, before, vuln.Inspect(directory))
			require.NoFileExists(t, outside)
			require.NoFileExists(t, filepath.Join(directory, "vulnerability.db"))
		})
	}
	_, err := vuln.Import(t.Context(), t.TempDir(), filepath.Join(t.TempDir(), "nothing.tar.gz"))
	var archive *vuln.ArchiveError
	require.ErrorAs(t, err, &archive)
}

func TestImportFromTheFuture(t *testing.T) {
	t.Parallel()
	made := buildArchive(t, time.Now().AddDate(1, 0, 0))
	directory := filepath.Join(t.TempDir(), "db")
	_, err := vuln.Import(t.Context(), directory, made.Archive)
	require.ErrorContains(t, err, "built in the future")
	_, err = vuln.Import(t.Context(), directory, made.Archive, vuln.WithForce())
	require.NoError(t, err)
}

func many(n int) []entry {
	var entries []entry
	for range n {
		entries = append(entries, file("x", nil))
	}
	return entries
}

func TestImportIsBounded(t *testing.T) {
	t.Parallel()
	bomb := gzipped(t, tarball(t, file("padding", make([]byte, 8<<20)), file("vulnerability.db", nil)))
	_, err := vuln.ImportFrom(t.Context(), t.TempDir(), bytes.NewReader(bomb), "bomb", vuln.WithLimits(1<<20, 1<<20))
	require.ErrorContains(t, err, "larger than the limit")
	_, err = vuln.ImportFrom(t.Context(), t.TempDir(), io.MultiReader(bytes.NewReader(bomb), strings.NewReader(strings.Repeat("x", 1000))), "long", vuln.WithLimits(int64(len(bomb))-1, 1<<30))
	require.ErrorContains(t, err, "larger than the limit")
	_, err = vuln.ImportFrom(t.Context(), t.TempDir(), bytes.NewReader(bomb), "x", vuln.WithLimits(0, 0))
	require.Error(t, err)
}

func FuzzUnpack(f *testing.F) {
	small := tarball(f, file("vulnerability.db", []byte("SQLite format 3\x00")))
	f.Add(gzipped(f, small))
	f.Add(zstandard(f, small))
	f.Add(gzipped(f, tarball(f, file("../vulnerability.db", []byte("x")))))
	f.Add([]byte("SQLite format 3\x00"))
	f.Add([]byte("<html>"))
	f.Fuzz(func(t *testing.T, content []byte) {
		root := t.TempDir()
		folder := filepath.Join(root, "a", "b")
		require.NoError(t, os.MkdirAll(folder, 0o755))
		const limit = 1 << 20
		_ = vuln.Unpack(bytes.NewReader(content), folder, limit)
		for _, outside := range []string{root, filepath.Dir(folder)} {
			left, err := os.ReadDir(outside)
			require.NoError(t, err)
			require.Len(t, left, 1)
		}
		if info, err := os.Stat(filepath.Join(folder, "vulnerability.db")); err == nil {
			require.LessOrEqual(t, info.Size(), int64(limit+1))
		}
	})
}
