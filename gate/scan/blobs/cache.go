package blobs

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Cache is a transport that keeps blobs. It is safe for concurrent use; several
// processes may share its folder.
type Cache struct {
	inner  http.RoundTripper
	folder string
	limit  int64

	mu    sync.Mutex
	total int64                    // bytes in the folder, as far as this process knows
	onWay map[string]chan struct{} // by digest; closed when it has come, or not
}

// waitTime bounds the wait for a blob that somebody else pulls. Two that wait for each
// other's must come apart.
const waitTime = 30 * time.Second

// New keeps blobs of up to limit bytes in all in a folder, which is made if need be.
func New(inner http.RoundTripper, folder string, limit int64) (*Cache, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for layers: %w", err)
	}
	c := &Cache{inner: inner, folder: folder, limit: limit, onWay: map[string]chan struct{}{}}
	files, err := c.files()
	if err != nil {
		return nil, fmt.Errorf("reading the folder for layers: %w", err)
	}
	for _, f := range files {
		c.total += f.bytes
	}
	return c, nil
}

// RoundTrip answers from the folder, or lets somebody else answer and keeps that.
func (c *Cache) RoundTrip(request *http.Request) (*http.Response, error) {
	digest, ok := digestOf(request)
	if !ok {
		return c.inner.RoundTrip(request)
	}
	deadline := time.Now().Add(waitTime)
	for {
		if response := c.find(request, digest); response != nil {
			return response, nil
		}
		arrived, mine := c.claim(digest)
		if mine {
			return c.pull(request, digest)
		}
		if !wait(request.Context(), arrived, time.Until(deadline)) {
			return c.inner.RoundTrip(request)
		}
	}
}

var blobPath = regexp.MustCompile(`^/v2/.+/blobs/(sha256:[0-9a-f]{64})$`)

// digestOf is the blob that a request is for, itself or as where a registry sends
// whoever asks for one. Parts of blobs are nobody's business here.
func digestOf(request *http.Request) (string, bool) {
	if request.Method != http.MethodGet || request.Header.Get("Range") != "" {
		return "", false
	}
	for hops := 0; request.Response != nil && request.Response.Request != nil && hops < 10; hops++ {
		request = request.Response.Request
	}
	match := blobPath.FindStringSubmatch(request.URL.Path)
	if match == nil {
		return "", false
	}
	return match[1], true
}

// claim makes the caller the one who pulls, or says on what to wait.
func (c *Cache) claim(digest string) (arrived chan struct{}, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, taken := c.onWay[digest]; taken {
		return other, false
	}
	c.onWay[digest] = make(chan struct{})
	return nil, true
}

// release lets those go on who wait.
func (c *Cache) release(digest string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.onWay[digest])
	delete(c.onWay, digest)
}

func wait(ctx context.Context, arrived chan struct{}, most time.Duration) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-arrived:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// pull lets the registry answer, and keeps what comes if it is the blob.
func (c *Cache) pull(request *http.Request, digest string) (*http.Response, error) {
	response, err := c.inner.RoundTrip(request)
	if err != nil || response.StatusCode != http.StatusOK {
		c.release(digest)
		return response, err
	}
	f, err := os.CreateTemp(c.folder, unfinished+"*") // mode 0600
	if err != nil || response.ContentLength > c.limit {
		if err == nil {
			discard(f)
		}
		c.release(digest)
		return response, nil // a folder that cannot be written costs speed
	}
	response.Body = &keeping{ReadCloser: response.Body, cache: c, digest: digest, file: f, hash: newHash()}
	return response, nil
}

func (c *Cache) path(digest string) string {
	return filepath.Join(c.folder, strings.TrimPrefix(digest, "sha256:"))
}
