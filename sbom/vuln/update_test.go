package vuln_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anchore/clio"
	"github.com/anchore/grype/grype"
	"github.com/anchore/grype/grype/db/v6/distribution"
	"github.com/anchore/grype/grype/db/v6/installation"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom/vuln"
)

// serve serves what was published, as any static web server would.
func serve(t testing.TB, made *vuln.Built) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(filepath.Dir(made.Archive)))))
	t.Cleanup(server.Close)
	return server
}

// serveAs answers the listing, changed, and the archive with the given bytes.
func serveAs(t testing.TB, made *vuln.Built, archive []byte, change func(listing map[string]any)) *httptest.Server {
	t.Helper()
	content, err := os.ReadFile(made.Listing)
	require.NoError(t, err)
	var listing map[string]any
	require.NoError(t, json.Unmarshal(content, &listing))
	if change != nil {
		change(listing)
	}
	content, err = json.Marshal(listing)
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "latest.json") {
			_, _ = w.Write(content)
			return
		}
		_, _ = w.Write(archive)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "db")
	_, err := vuln.Open(directory)
	var missing *vuln.DatabaseError
	require.ErrorAs(t, err, &missing)
	require.Equal(t, vuln.Missing, missing.Problem)
	require.Contains(t, missing.Remedy(), "imagegate db update")

	first := serve(t, buildArchive(t, built))
	var steps []string
	result, err := vuln.Update(t.Context(), directory, first.URL, vuln.WithProgress(func(p vuln.Progress) {
		if len(steps) == 0 || steps[len(steps)-1] != p.Step {
			steps = append(steps, p.Step)
		}
	}))
	require.NoError(t, err)
	require.True(t, result.Changed)
	require.Equal(t, built, result.Database.Built)
	require.Equal(t, []string{vuln.StepDownload, vuln.StepUnpack, vuln.StepInstall}, steps)

	status := vuln.Inspect(directory)
	require.NoError(t, status.Err)
	require.Equal(t, result.Database, status.Database)
	require.Contains(t, status.Database.Source, first.URL)
	require.Contains(t, status.Providers, vuln.Provider{Name: "nvd", Captured: built})
	held := open(t, directory) // the handle lives through what follows

	result, err = vuln.Update(t.Context(), directory, first.URL)
	require.NoError(t, err)
	require.False(t, result.Changed, "an equal database replaces nothing")

	older := serve(t, buildArchive(t, later(-1)))
	result, err = vuln.Update(t.Context(), directory, older.URL)
	require.NoError(t, err)
	require.False(t, result.Changed, "an older database replaces nothing")
	require.Equal(t, built, installedAt(t, directory))

	newer := serve(t, buildArchive(t, later(1)))
	result, err = vuln.Update(t.Context(), directory, newer.URL+"/v6/latest.json")
	require.NoError(t, err)
	require.True(t, result.Changed)
	require.Equal(t, later(1), installedAt(t, directory))

	_, err = vuln.Update(t.Context(), directory, older.URL+"/", vuln.WithForce())
	require.NoError(t, err)
	require.Equal(t, later(-1), installedAt(t, directory), "forced")

	identity, err := held.Database()
	require.NoError(t, err)
	require.Equal(t, built, identity.Built, "an open database stays what it was")
	found, err := held.Match(t.Context(), document(t, debian12, deb("libsample1", "1.2.0-2", "libsample")))
	require.NoError(t, err)
	require.Len(t, found, 2)
}

// TestGrypeTakesWhatWasPublished uses grype's own client.
func TestGrypeTakesWhatWasPublished(t *testing.T) {
	t.Parallel()
	server := serve(t, buildArchive(t, built))
	id := clio.Identification{Name: "grype", Version: "test"}
	fetch := distribution.DefaultConfig()
	fetch.ID, fetch.LatestURL, fetch.RequireUpdateCheck = id, server.URL, true
	install := installation.DefaultConfig(id)
	install.DBRootDir, install.ValidateAge = filepath.Join(t.TempDir(), "grype"), false
	provider, status, err := grype.LoadVulnerabilityDB(fetch, install, true)
	require.NoError(t, err)
	require.NoError(t, provider.Close())
	require.True(t, built.Equal(status.Built))

	// and the other way round: Open takes grype's cache
	database := open(t, install.DBRootDir)
	identity, err := database.Database()
	require.NoError(t, err)
	require.Equal(t, built, identity.Built)
}

func TestFailedUpdateKeepsTheDatabase(t *testing.T) {
	t.Parallel()
	newer := buildArchive(t, later(1))
	archive, err := os.ReadFile(newer.Archive)
	require.NoError(t, err)
	page := []byte("<!DOCTYPE html><html><body>please log in</body></html>")
	answer := func(handler http.HandlerFunc) *httptest.Server {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server
	}
	set := func(key string, value any) func(map[string]any) {
		return func(listing map[string]any) { listing[key] = value }
	}
	tests := map[string]struct {
		server    *httptest.Server
		options   []vuln.UpdateOption
		message   string
		transient bool
	}{
		"truncated":           {server: serveAs(t, newer, archive[:len(archive)/2], nil), message: "checksum"},
		"another archive":     {server: serveAs(t, newer, append(bytes.Clone(archive), 0), nil), message: "checksum"},
		"page for an archive": {server: serveAs(t, newer, page, nil), message: "web page"},
		"page for a listing":  {server: answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(page) }), message: "web page"},
		"no json":             {server: answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }), message: "no JSON"},
		"empty listing":       {server: answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }), message: "listing names no"},
		"huge listing":        {server: answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) }), message: "larger than"},
		"not found":           {server: answer(http.NotFound), message: "404"},
		"unavailable":         {server: answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }), message: "503", transient: true},
		"lies about the time": {server: serveAs(t, newer, archive, set("built", later(2).Format(time.RFC3339))), message: "the database says"},
		"from the future":     {server: serveAs(t, newer, archive, set("built", "2999-01-01T00:00:00Z")), message: "future"},
		"another schema":      {server: serveAs(t, newer, archive, set("schemaVersion", "v7.0.0")), message: "schema 7.0.0"},
		"no checksum":         {server: serveAs(t, newer, archive, set("checksum", "")), message: "no sha256"},
		"another host":        {server: serveAs(t, newer, archive, set("path", "https://example.com/x.tar.gz")), message: "no archive beside it"},
		"another folder":      {server: serveAs(t, newer, archive, set("path", "../x.tar.gz")), message: "no archive beside it"},
		"larger than allowed": {server: serve(t, newer), options: []vuln.UpdateOption{vuln.WithLimits(100, 1<<30)}, message: "larger than the limit"},
		"unpacks to too much": {server: serve(t, newer), options: []vuln.UpdateOption{vuln.WithLimits(1<<30, 1000)}, message: "larger than the limit"},
		"redirects for ever":  {server: answer(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }), message: "redirects"},
		"redirects to plain": {server: answer(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://db.example.com/", http.StatusFound)
		}), message: "plain http"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			directory := smallDirectory(t)
			before := vuln.Inspect(directory)
			_, err := vuln.Update(t.Context(), directory, test.server.URL, test.options...)
			require.ErrorContains(t, err, test.message)
			var remedy interface{ Remedy() string }
			require.ErrorAs(t, err, &remedy)
			require.NotEmpty(t, remedy.Remedy())
			var transient interface{ Transient() bool }
			if test.transient {
				require.ErrorAs(t, err, &transient)
				require.True(t, transient.Transient())
			}
			require.Equal(t, before, vuln.Inspect(directory))
			left, err := filepath.Glob(filepath.Join(directory, "v6", ".incoming-*"))
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "ftp://example.com", "example.com/db", "https://", "http://db.example.com", "http://192.0.2.1/", ":::"} {
		_, err := vuln.List(t.Context(), address)
		var update *vuln.UpdateError
		require.ErrorAs(t, err, &update, address)
		require.False(t, update.Transient(), address)
	}
	require.True(t, strings.HasPrefix(vuln.DefaultURL(), "https://"))
}

func TestServerThatIsDownIsTransient(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := vuln.Update(t.Context(), t.TempDir(), server.URL)
	var update *vuln.UpdateError
	require.ErrorAs(t, err, &update)
	require.True(t, update.Transient())
}

func TestList(t *testing.T) {
	t.Parallel()
	made := buildArchive(t, built)
	server := serve(t, made)
	available, err := vuln.List(t.Context(), server.URL)
	require.NoError(t, err)
	require.Len(t, available, 1)
	require.Equal(t, built, available[0].Built)
	require.Equal(t, server.URL+"/v6/"+filepath.Base(made.Archive), available[0].URL)
	require.Equal(t, "active", available[0].Status)

	other := serveAs(t, made, nil, func(listing map[string]any) { listing["schemaVersion"] = "v7.0.0" })
	available, err = vuln.List(t.Context(), other.URL)
	require.NoError(t, err)
	require.Empty(t, available)
}

func TestEndOfLifeIsTold(t *testing.T) {
	t.Parallel()
	made := buildArchive(t, built)
	archive, err := os.ReadFile(made.Archive)
	require.NoError(t, err)
	for _, status := range []string{"deprecated", "eol"} {
		server := serveAs(t, made, archive, func(listing map[string]any) { listing["status"] = status })
		result, err := vuln.Update(t.Context(), filepath.Join(t.TempDir(), "db"), server.URL)
		require.NoError(t, err)
		require.Contains(t, result.Notice, "newer imagegate")
	}
}

// TestUpdatesAtOnce: they install one after the other, and the later ones see that
// there is nothing to do.
func TestUpdatesAtOnce(t *testing.T) {
	t.Parallel()
	var downloads atomic.Int32
	files := http.FileServer(http.Dir(filepath.Dir(filepath.Dir(buildArchive(t, built).Archive))))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".tar.gz") {
			downloads.Add(1)
		}
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	directory := filepath.Join(t.TempDir(), "db")
	failures := make(chan error, 4)
	for range cap(failures) {
		go func() {
			_, err := vuln.Update(t.Context(), directory, server.URL)
			if err == nil {
				err = vuln.Inspect(directory).Err
			}
			failures <- err
		}()
	}
	for range cap(failures) {
		require.NoError(t, <-failures)
	}
	require.EqualValues(t, 1, downloads.Load())
}

func TestWaitingForAnotherUpdateEndsWithTheContext(t *testing.T) {
	t.Parallel()
	made := buildArchive(t, built)
	directory := filepath.Join(t.TempDir(), "db")
	blocked, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(blocked)
		<-release
	}))
	defer server.Close()
	done := make(chan error)
	go func() {
		_, err := vuln.Update(t.Context(), directory, server.URL)
		done <- err
	}()
	<-blocked
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := vuln.Import(ctx, directory, made.Archive)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(release)
	require.Error(t, <-done)
}

// TestUnusedGenerationsAreRemoved: a replaced one stays while it is open.
func TestUnusedGenerationsAreRemoved(t *testing.T) {
	t.Parallel()
	directory := smallDirectory(t)
	generations := func() int {
		found, err := filepath.Glob(filepath.Join(directory, "v6", "2*"))
		require.NoError(t, err)
		return len(found)
	}
	held, err := vuln.Open(directory)
	require.NoError(t, err)
	for n := 1; n <= 3; n++ {
		_, err := vuln.Import(t.Context(), directory, buildArchive(t, later(n)).Archive)
		require.NoError(t, err)
		require.Equal(t, 2, generations(), fmt.Sprint("the current one and the open one, at ", n))
	}
	require.NoError(t, held.Close())
	_, err = vuln.Import(t.Context(), directory, buildArchive(t, later(4)).Archive)
	require.NoError(t, err)
	require.Equal(t, 1, generations())
}

func FuzzParseListing(f *testing.F) {
	f.Add([]byte(`{"status":"active","schemaVersion":"v6.1.10","built":"2026-03-01T12:00:00Z","path":"x.tar.gz","checksum":"sha256:` + strings.Repeat("0", 64) + `"}`))
	f.Add([]byte(`{"schemaVersion":"v6","path":"../../x"}`))
	f.Add([]byte("<html>"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		available, err := vuln.ParseListing(content)
		if err == nil && !strings.HasPrefix(available.URL, "https://db.example.com/v6/") {
			t.Fatalf("leads to %s", available.URL)
		}
	})
}
