package gatetest

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
)

// Registry is a registry on a loopback port that ends with the test. It counts
// what it is asked and fails where it is told to. Safe for concurrent use.
type Registry struct {
	server *httptest.Server
	t      testing.TB

	mu       sync.Mutex
	faults   []placedFault
	requests []Request
}

// Request is one request that the registry answered.
type Request struct {
	Method string
	Path   string // with the query
	Status int    // as answered; 0 where the connection was cut before
	Bytes  int64  // of the body sent
	Agent  string // the User-Agent header
}

// RegistryOption changes how a Registry behaves from its start.
type RegistryOption func(*registrySetup)

type registrySetup struct {
	referrers bool
	tls       bool
	guard     func(host string, next http.Handler) http.Handler
}

// WithoutReferrers makes the registry one without the referrers API of OCI 1.1:
// clients have to use the fallback tag. Default: with.
func WithoutReferrers() RegistryOption { return func(s *registrySetup) { s.referrers = false } }

// WithTLS makes the registry speak HTTPS with a certificate that nobody trusts
// (Registry.Client does). Default: plain HTTP.
func WithTLS() RegistryOption { return func(s *registrySetup) { s.tls = true } }

// NewRegistry starts an empty registry.
func NewRegistry(t testing.TB, options ...RegistryOption) *Registry {
	t.Helper()
	setup := registrySetup{referrers: true}
	for _, option := range options {
		option(&setup)
	}
	r := &Registry{t: t}
	store := registry.New(
		registry.Logger(log.New(io.Discard, "", 0)),
		registry.WithReferrersSupport(setup.referrers),
	)
	r.server = httptest.NewUnstartedServer(nil)
	front := store
	if setup.guard != nil {
		front = setup.guard(r.Host(), front)
	}
	r.server.Config.Handler = doors(r.counted(r.faulty(front)), store)
	r.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if setup.tls {
		r.server.StartTLS()
	} else {
		r.server.Start()
	}
	t.Cleanup(func() {
		r.server.CloseClientConnections()
		r.server.Close()
	})
	return r
}

// Host is the registry's name in references: "127.0.0.1:40123".
func (r *Registry) Host() string { return r.server.Listener.Addr().String() }

// Client trusts the registry's certificate.
func (r *Registry) Client() *http.Client { return r.server.Client() }

// Push stores an image or an index (whatever remote.Push takes) under a
// repository with a tag or digest ("app:v1") and returns the digest of its
// manifest. Faults and authentication do not apply to it, and it is not counted.
func (r *Registry) Push(repository string, what remote.Taggable) v1.Hash {
	r.t.Helper()
	ref, err := name.ParseReference(r.Host()+"/"+repository, name.WeakValidation)
	require.NoError(r.t, err)
	backDoor := remote.WithTransport(throughBackDoor{r.server.Client().Transport})
	require.NoError(r.t, remote.Push(ref, what, backDoor))
	raw, err := what.RawManifest()
	require.NoError(r.t, err)
	return digestOf(raw)
}

// backDoor is the header that leads past faults, authentication and counters.
const backDoor = "Gatetest-Back-Door"

type throughBackDoor struct{ http.RoundTripper }

func (b throughBackDoor) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set(backDoor, "open")
	return b.RoundTripper.RoundTrip(request)
}

// Requests are all requests answered so far, without those of Push.
func (r *Registry) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Forget makes Requests and what counts them begin anew.
func (r *Registry) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = nil
}

// Count is the number of requests whose path contains part ("/manifests/").
func (r *Registry) Count(part string) int {
	n := 0
	for _, request := range r.Requests() {
		if strings.Contains(request.Path, part) {
			n++
		}
	}
	return n
}

// Writes are the requests that wanted to change something, in order.
func (r *Registry) Writes() []Request {
	return slices.DeleteFunc(r.Requests(), func(request Request) bool {
		return request.Method == http.MethodGet || request.Method == http.MethodHead
	})
}

// Bytes is the number of body bytes sent for paths that contain part.
func (r *Registry) Bytes(part string) int64 {
	var n int64
	for _, request := range r.Requests() {
		if strings.Contains(request.Path, part) {
			n += request.Bytes
		}
	}
	return n
}

// doors sends what Push does to the registry itself and everything else through
// the front.
func doors(front, registry http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.Header.Get(backDoor) != "" {
			registry.ServeHTTP(w, request)
			return
		}
		front.ServeHTTP(w, request)
	})
}

func (r *Registry) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		meter := &meteredWriter{ResponseWriter: w}
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.requests = append(r.requests, Request{
				Method: request.Method, Path: request.URL.RequestURI(),
				Status: meter.status, Bytes: meter.bytes, Agent: request.UserAgent(),
			})
		}()
		next.ServeHTTP(meter, request)
	})
}

// meteredWriter remembers what was answered.
type meteredWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *meteredWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *meteredWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

func (w *meteredWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
