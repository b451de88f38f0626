package gatetest

import (
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Proxy stands between clients and a Registry and does Mischief to some of the
// requests. Who asks under a seed is answered the same way every time: whether a
// request is met by mischief, and by which, depends on the seed, on its path and on
// how often that was asked for, not on what else is going on. Safe for concurrent
// use.
type Proxy struct {
	server  *httptest.Server
	upright http.Handler
	rate    float64
	decoys  []string

	mu    sync.Mutex
	asked map[string]int      // by seed and path
	done  map[uint64][]string // kinds of mischief, by seed
}

// NewProxy starts a proxy that meets a share of the requests (0 to 1) with
// mischief. Decoys are images of the registry ("app:v1"), whose manifests it
// gives for others.
func NewProxy(t testing.TB, registry *Registry, rate float64, decoys ...string) *Proxy {
	t.Helper()
	p := &Proxy{
		upright: registry.server.Config.Handler, rate: rate, decoys: decoys,
		asked: map[string]int{}, done: map[uint64][]string{},
	}
	p.server = httptest.NewUnstartedServer(p)
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	p.server.Start()
	t.Cleanup(func() {
		p.server.CloseClientConnections()
		p.server.Close()
	})
	return p
}

// Reference is how an image of the registry ("app:v1") is asked for under a seed.
func (p *Proxy) Reference(seed uint64, image string) string {
	return fmt.Sprintf("%s/s%d/%s", p.server.Listener.Addr(), seed, image)
}

// Done are the kinds of mischief that were done under a seed until now, which is
// then forgotten.
func (p *Proxy) Done(seed uint64) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	kinds := p.done[seed]
	delete(p.done, seed)
	prefix := fmt.Sprintf("%d ", seed)
	for key := range p.asked {
		if strings.HasPrefix(key, prefix) {
			delete(p.asked, key)
		}
	}
	return kinds
}

// ServeHTTP answers for the registry, one way or another.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	seed, path, seeded := splitSeed(request.URL.Path)
	request = request.Clone(request.Context())
	request.URL.Path, request.RequestURI = path, path
	if !seeded {
		p.upright.ServeHTTP(w, request) // the ping has no repository to tell a seed by
		return
	}
	if fault := p.draw(seed, path); fault != nil {
		fault(w, request, p.upright)
		return
	}
	p.upright.ServeHTTP(w, request)
}

// splitSeed takes the seed out of a path: /v2/s<seed>/app/manifests/v1.
func splitSeed(path string) (seed uint64, rest string, ok bool) {
	after, ok := strings.CutPrefix(path, "/v2/s")
	digits, rest, cut := strings.Cut(after, "/")
	seed, err := strconv.ParseUint(digits, 10, 64)
	if !ok || !cut || err != nil {
		return 0, path, false
	}
	return seed, "/v2/" + rest, true
}

// draw decides about one request, and notes what it decided.
func (p *Proxy) draw(seed uint64, path string) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := fmt.Sprintf("%d %s", seed, path)
	p.asked[key]++
	random := rand.New(rand.NewPCG(seed, hash(path)+uint64(p.asked[key])))
	if random.Float64() >= p.rate {
		return nil
	}
	kinds := mischief(path, p.decoys)
	kind := kinds[random.IntN(len(kinds))]
	p.done[seed] = append(p.done[seed], kind.name)
	return kind.make(random)
}

// hash is FNV-1a, which is the same in every process.
func hash(text string) uint64 {
	sum := uint64(14695981039346656037)
	for i := range len(text) {
		sum = (sum ^ uint64(text[i])) * 1099511628211
	}
	return sum
}

// Deceives says whether a kind of mischief changes what the registry seems to hold
// without a sign that anything is wrong: something is not there, or is something
// else. (A registry without the referrers API may answer it with a web page.)
func Deceives(kind string) bool {
	return kind == missing || kind == movedTag || kind == webPage
}

const (
	missing  = "missing"
	movedTag = "moved tag"
	webPage  = "web page"
)

// kind is one kind of mischief, and how it is done.
type kind struct {
	name string
	make func(*rand.Rand) Fault
}

func mischief(path string, decoys []string) []kind {
	kinds := []kind{
		{"reset", func(*rand.Rand) Fault { return reset }},
		{"stall", func(*rand.Rand) Fault { return Hang() }},
		{"slow", func(*rand.Rand) Fault { return pieces(5 * time.Millisecond) }},
		{"truncated", func(r *rand.Rand) Fault { return Truncated(r.IntN(2000)) }},
		{"shortened", func(r *rand.Rand) Fault { return shortened(r.Float64()) }},
		{"corrupt", func(r *rand.Rand) Fault { return corrupt(r.Float64(), r.IntN(8)) }},
		{"server error", func(r *rand.Rand) Fault { return Status([]int{500, 502, 503, 504}[r.IntN(4)]) }},
		{"refused", func(r *rand.Rand) Fault { return Status([]int{401, 403, 429}[r.IntN(3)]) }},
		{webPage, func(*rand.Rand) Fault { return Page() }},
		{missing, func(*rand.Rand) Fault { return Status(http.StatusNotFound) }},
	}
	if len(decoys) == 0 || !strings.Contains(path, "/manifests/") && !strings.Contains(path, "/blobs/") {
		return kinds
	}
	name := movedTag
	if strings.Contains(path, "/sha256:") {
		name = "wrong digest"
	}
	return append(kinds, kind{name, func(r *rand.Rand) Fault { return decoy(decoys[r.IntN(len(decoys))]) }})
}

// reset ends the connection with a TCP reset.
func reset(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

// shortened leaves out the end of the body, and says nothing about it.
func shortened(share float64) Fault {
	return altered(func(body []byte) []byte { return body[:int(share*float64(len(body)))] })
}

// corrupt flips one bit.
func corrupt(where float64, bit int) Fault {
	return altered(func(body []byte) []byte {
		if len(body) > 0 {
			body[int(where*float64(len(body)))] ^= 1 << bit
		}
		return body
	})
}

// altered sends what becomes of the body.
func altered(change func(body []byte) []byte) Fault {
	return func(w http.ResponseWriter, request *http.Request, next http.Handler) {
		code, body := record(w, request, next)
		body = change(body)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(code)
		_, _ = w.Write(body)
	}
}

// pieces sends the body in a few parts.
func pieces(pause time.Duration) Fault {
	const parts = 4
	return func(w http.ResponseWriter, request *http.Request, next http.Handler) {
		body := answer(w, request, next)
		for part := range parts {
			_, _ = w.Write(body[len(body)*part/parts : len(body)*(part+1)/parts])
			_ = http.NewResponseController(w).Flush()
			time.Sleep(pause)
		}
	}
}

// decoy answers with the manifest of another image ("app:v1"), whatever was asked
// for.
func decoy(image string) Fault {
	repository, tag, _ := strings.Cut(image, ":")
	return func(w http.ResponseWriter, request *http.Request, next http.Handler) {
		request.URL.Path = "/v2/" + repository + "/manifests/" + tag
		next.ServeHTTP(w, request)
	}
}
