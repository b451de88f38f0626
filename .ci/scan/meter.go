package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"sync"
)

// meter stands before a registry and counts what goes over the wire, so that nobody
// has to believe a scan what it says about itself.
type meter struct {
	*httptest.Server

	mu    sync.Mutex
	blobs map[string]int64 // bytes of each blob that were answered, by digest
	other int64            // bytes of everything else: manifests, signatures, lists
	asked int              // requests
}

func newMeter(host string) *meter {
	m := &meter{blobs: map[string]int64{}}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	proxy.ErrorLog = log.New(io.Discard, "", 0) // whoever asks says what became of it
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counted := &countingWriter{ResponseWriter: w}
		proxy.ServeHTTP(counted, r)
		m.add(r.URL.Path, counted.bytes)
	}))
	return m
}

func (m *meter) host() string { return m.Listener.Addr().String() }

func (m *meter) add(url string, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	if strings.Contains(url, "/blobs/") {
		m.blobs[path.Base(url)] += bytes
		return
	}
	m.other += bytes
}

// wired is what went over the wire.
type wired struct {
	layers, other int64 // bytes
	asked         int
}

// take returns what was counted since it was called last.
func (m *meter) take(layers map[string]int64) (w wired) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w.other, w.asked = m.other, m.asked
	for digest, bytes := range m.blobs {
		if _, is := layers[digest]; is {
			w.layers += bytes
		} else {
			w.other += bytes
		}
	}
	m.blobs, m.other, m.asked = map[string]int64{}, 0, 0
	return w
}

// countingWriter counts the bytes of an answer.
type countingWriter struct {
	http.ResponseWriter
	bytes int64
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
