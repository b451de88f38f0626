package blobs_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/scan/blobs"
)

// registry answers for blobs by their content, and counts.
type registry struct {
	*httptest.Server
	asked    atomic.Int64
	redirect bool
}

func newRegistry(t *testing.T, content map[string]string) *registry {
	t.Helper()
	r := &registry{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		_, digest, _ := strings.Cut(request.URL.Path, "sha256:")
		if r.redirect && strings.HasPrefix(request.URL.Path, "/v2/") {
			http.Redirect(w, request, "/elsewhere/sha256:"+digest+"?signed", http.StatusTemporaryRedirect)
			return
		}
		r.asked.Add(1)
		_, _ = io.WriteString(w, content["sha256:"+digest])
	}))
	t.Cleanup(r.Close)
	return r
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func cache(t *testing.T, folder string, limit int64) *http.Client {
	t.Helper()
	c, err := blobs.New(http.DefaultTransport, folder, limit)
	require.NoError(t, err)
	return &http.Client{Transport: c}
}

func (r *registry) get(t *testing.T, client *http.Client, repository, digest string) string {
	t.Helper()
	response, err := client.Get(r.URL + "/v2/" + repository + "/blobs/" + digest)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return string(body)
}

func TestEachBlobIsPulledOnce(t *testing.T) {
	t.Parallel()
	for _, redirect := range []bool{false, true} {
		content := strings.Repeat("layer ", 100_000)
		r := newRegistry(t, map[string]string{digest(content): content})
		r.redirect = redirect
		client := cache(t, t.TempDir(), 1<<30)
		var group sync.WaitGroup
		for i := range 20 {
			group.Go(func() {
				require.Equal(t, content, r.get(t, client, "team/"+string(rune('a'+i)), digest(content)))
			})
		}
		group.Wait()
		require.Equal(t, int64(1), r.asked.Load())
	}
}

func TestWhatIsAnotherIsNotKept(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, map[string]string{digest("one"): "another"})
	folder := t.TempDir()
	client := cache(t, folder, 1<<30)
	for range 2 {
		require.Equal(t, "another", r.get(t, client, "app", digest("one")), "who reads it finds out")
	}
	require.Equal(t, int64(2), r.asked.Load())
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestADamagedFileIsPulledAgain(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, map[string]string{digest("layer"): "layer"})
	folder := t.TempDir()
	client := cache(t, folder, 1<<30)
	require.Equal(t, "layer", r.get(t, client, "app", digest("layer")))
	require.NoError(t, os.WriteFile(filepath.Join(folder, strings.TrimPrefix(digest("layer"), "sha256:")), []byte("lay"), 0o600))
	require.Equal(t, "lay", r.get(t, client, "app", digest("layer")), "who reads it finds out")
	require.Equal(t, "layer", r.get(t, client, "app", digest("layer")))
}

func TestTheFolderIsBounded(t *testing.T) {
	t.Parallel()
	content := map[string]string{}
	for _, letter := range "abcdefgh" {
		text := strings.Repeat(string(letter), 1000)
		content[digest(text)] = text
	}
	r := newRegistry(t, content)
	folder := t.TempDir()
	client := cache(t, folder, 3000)
	for d, text := range content {
		require.Equal(t, text, r.get(t, client, "app", d))
	}
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.LessOrEqual(t, len(left), 3)
	large := strings.Repeat("large", 1000)
	content[digest(large)] = large
	require.Equal(t, large, r.get(t, client, "app", digest(large)), "what is too large is only passed on")
}

func TestOneThatGivesUpLetsOthersPull(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("layer ", 1_000_000)
	r := newRegistry(t, map[string]string{digest(content): content})
	client := cache(t, t.TempDir(), 1<<30)
	response, err := client.Get(r.URL + "/v2/app/blobs/" + digest(content))
	require.NoError(t, err)
	done := make(chan string)
	go func() { done <- r.get(t, client, "app", digest(content)) }()
	require.NoError(t, response.Body.Close())
	require.Equal(t, content, <-done)
}
