package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/registry"
)

// counted is a registry on loopback that counts what it answers. Blobs are on disk.
type counted struct {
	host     string
	close    func()
	requests atomic.Int64
	bytes    atomic.Int64
}

func startRegistry(folder string) *counted {
	c := &counted{}
	serve := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true),
		registry.WithBlobHandler(registry.NewDiskBlobHandler(folder)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.requests.Add(1)
		serve.ServeHTTP(&countedAnswer{w, &c.bytes}, r)
	}))
	c.host, c.close = server.Listener.Addr().String(), server.Close
	return c
}

type countedAnswer struct {
	http.ResponseWriter

	bytes *atomic.Int64
}

func (a *countedAnswer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.bytes.Add(int64(n))
	return n, err
}
