package vuln_test

import (
	"database/sql"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom/vuln"
)

// currentFolder is where the generation in use lies.
func currentFolder(t testing.TB, directory string) string {
	t.Helper()
	status := vuln.Inspect(directory)
	require.NoError(t, status.Err)
	return filepath.Dir(status.Path)
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	source, err := os.Open(from)
	require.NoError(t, err)
	defer source.Close()
	target, err := os.Create(to)
	require.NoError(t, err)
	_, err = io.Copy(target, source)
	require.NoError(t, err)
	require.NoError(t, target.Close())
}

// flip changes one byte of a file, and nothing else that can be seen.
func flip(t testing.TB, path string, at int64) {
	t.Helper()
	require.NoError(t, os.Chmod(path, 0o644))
	info, err := os.Stat(path)
	require.NoError(t, err)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	one := make([]byte, 1)
	_, err = file.ReadAt(one, at)
	require.NoError(t, err)
	one[0] ^= 0xff
	_, err = file.WriteAt(one, at)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
}

func TestOpenWhatOthersMade(t *testing.T) {
	t.Parallel()
	directory := smallDirectory(t)
	folder := currentFolder(t, directory)
	want, err := open(t, directory).Database()
	require.NoError(t, err)

	plain := t.TempDir()
	copyFile(t, filepath.Join(folder, "vulnerability.db"), filepath.Join(plain, "vulnerability.db"))
	noted := t.TempDir()
	copyFile(t, filepath.Join(folder, "vulnerability.db"), filepath.Join(noted, "vulnerability.db"))
	copyFile(t, filepath.Join(folder, "import.json"), filepath.Join(noted, "import.json"))

	for _, path := range []string{plain, filepath.Join(plain, "vulnerability.db"), noted} {
		got, err := open(t, path).Database()
		require.NoError(t, err)
		require.Equal(t, want.Checksum, got.Checksum)
		require.Equal(t, want.Built, got.Built)
		require.Equal(t, want.Schema, got.Schema)
	}

	flip(t, filepath.Join(noted, "vulnerability.db"), 40_000)
	requireProblem(t, noted, vuln.Corrupt)
}

func requireProblem(t testing.TB, path string, problem vuln.Problem) {
	t.Helper()
	_, err := vuln.Open(path)
	var found *vuln.DatabaseError
	require.ErrorAs(t, err, &found)
	require.Equal(t, problem, found.Problem, err.Error())
	require.NotEmpty(t, found.Remedy())
	require.ErrorAs(t, vuln.Inspect(path).Err, &found)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		damage  func(t *testing.T, directory string)
		problem vuln.Problem
	}{
		"one byte changed": {func(t *testing.T, d string) { flip(t, filepath.Join(currentFolder(t, d), "vulnerability.db"), 40_000) }, vuln.Corrupt},
		"truncated":        {func(t *testing.T, d string) { truncate(t, filepath.Join(currentFolder(t, d), "vulnerability.db")) }, vuln.Corrupt},
		"database removed": {func(t *testing.T, d string) {
			require.NoError(t, os.Remove(filepath.Join(currentFolder(t, d), "vulnerability.db")))
		}, vuln.Missing},
		"note removed": {func(t *testing.T, d string) {
			require.NoError(t, os.Remove(filepath.Join(currentFolder(t, d), "imagegate.json")))
		}, vuln.Missing},
		"note is no json": {func(t *testing.T, d string) { overwrite(t, filepath.Join(currentFolder(t, d), "imagegate.json"), "{") }, vuln.Corrupt},
		"note is huge": {func(t *testing.T, d string) {
			overwrite(t, filepath.Join(currentFolder(t, d), "imagegate.json"), string(make([]byte, 1<<20)))
		}, vuln.Unreadable},
		"generation removed":   {func(t *testing.T, d string) { require.NoError(t, os.RemoveAll(currentFolder(t, d))) }, vuln.Missing},
		"current leads out":    {func(t *testing.T, d string) { overwrite(t, filepath.Join(d, "v6", "current"), "../../elsewhere") }, vuln.Corrupt},
		"current is empty":     {func(t *testing.T, d string) { overwrite(t, filepath.Join(d, "v6", "current"), "") }, vuln.Corrupt},
		"everything removed":   {func(t *testing.T, d string) { require.NoError(t, os.RemoveAll(d)) }, vuln.Missing},
		"only the folder left": {func(t *testing.T, d string) { require.NoError(t, os.RemoveAll(filepath.Join(d, "v6"))) }, vuln.Missing},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			directory := smallDirectory(t)
			test.damage(t, directory)
			requireProblem(t, directory, test.problem)
			if test.problem == vuln.Missing {
				_, err := vuln.Open(directory)
				require.ErrorIs(t, err, fs.ErrNotExist)
			}
		})
	}
}

func TestImportMends(t *testing.T) {
	t.Parallel()
	directory := smallDirectory(t)
	flip(t, filepath.Join(currentFolder(t, directory), "vulnerability.db"), 40_000)
	_, err := vuln.Import(t.Context(), directory, buildArchive(t, built).Archive)
	require.NoError(t, err)
	require.NoError(t, vuln.Inspect(directory).Err)
}

func truncate(t testing.TB, path string) {
	t.Helper()
	require.NoError(t, os.Chmod(path, 0o644))
	require.NoError(t, os.Truncate(path, 5000))
}

func overwrite(t testing.TB, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

func TestOpenRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()

	archive := filepath.Join(folder, "db.tar.gz")
	overwrite(t, archive, "anything")
	requireProblem(t, archive, vuln.Unsupported)

	garbage := filepath.Join(folder, "garbage")
	require.NoError(t, os.Mkdir(garbage, 0o755))
	overwrite(t, filepath.Join(garbage, "vulnerability.db"), "this is no database, however long it may be")
	requireProblem(t, garbage, vuln.Corrupt)

	foreign := filepath.Join(folder, "foreign")
	require.NoError(t, os.Mkdir(foreign, 0o755))
	database, err := sql.Open("sqlite", filepath.Join(foreign, "vulnerability.db"))
	require.NoError(t, err)
	_, err = database.ExecContext(t.Context(), "CREATE TABLE id (schema_version integer)")
	require.NoError(t, err)
	require.NoError(t, database.Close())
	requireProblem(t, foreign, vuln.Unsupported)

	query := filepath.Join(folder, "a?mode=rwc")
	require.NoError(t, os.Mkdir(query, 0o755))
	copyFile(t, filepath.Join(currentFolder(t, smallDirectory(t)), "vulnerability.db"), filepath.Join(query, "vulnerability.db"))
	requireProblem(t, query, vuln.Unreadable)
}
