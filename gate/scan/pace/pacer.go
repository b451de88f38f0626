package pace

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Limits of each host. Zero values are the defaults; negative ones are no limit.
type Limits struct {
	Connections int     // answers that are being read at once. Default 8
	Requests    float64 // a second. Default 50
	Bytes       float64 // a second. Default no limit
	// Patience is how long one request waits in all for a host that has had enough;
	// then its refusal is the answer. Default 10 minutes.
	Patience time.Duration
}

func (l Limits) withDefaults() Limits {
	if l.Connections == 0 {
		l.Connections = 8
	}
	if l.Requests == 0 {
		l.Requests = 50
	}
	if l.Patience == 0 {
		l.Patience = 10 * time.Minute
	}
	return l
}

// Pacer is a transport that keeps to limits. It is safe for concurrent use.
type Pacer struct {
	inner  http.RoundTripper
	limits Limits
	pulled atomic.Int64

	mu    sync.Mutex
	hosts map[string]*host
}

// New keeps what goes through a transport to limits.
func New(inner http.RoundTripper, limits Limits) *Pacer {
	return &Pacer{inner: inner, limits: limits.withDefaults(), hosts: map[string]*host{}}
}

// Pulled is how many bytes of answers were read so far.
func (p *Pacer) Pulled() int64 { return p.pulled.Load() }

// Waiting are the hosts that have had enough, and until when.
func (p *Pacer) Waiting() map[string]time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := map[string]time.Time{}
	for name, h := range p.hosts {
		if until := h.pausedUntil(); time.Until(until) > 0 {
			waiting[name] = until
		}
	}
	return waiting
}

// RoundTrip sends a request when it is its turn, and again after a pause where the
// host has had enough. The connection counts until the body is closed.
func (p *Pacer) RoundTrip(request *http.Request) (*http.Response, error) {
	h := p.host(request.URL.Host)
	ctx := request.Context()
	deadline := time.Now().Add(p.limits.Patience)
	for attempt := 1; ; attempt++ {
		if err := h.turn(ctx); err != nil {
			return nil, err
		}
		response, err := p.inner.RoundTrip(request)
		if err != nil {
			h.leave()
			return nil, err
		}
		pause, enough := h.heard(response, attempt)
		if !enough || !repeatable(request) || time.Now().Add(pause).After(deadline) {
			response.Body = p.metered(ctx, h, response.Body)
			return response, nil
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection is used again
		_ = response.Body.Close()
		h.leave()
	}
}

// repeatable says whether a request only asks (RFC 9110 section 9.2.1).
func repeatable(request *http.Request) bool {
	return request.Body == nil && (request.Method == http.MethodGet || request.Method == http.MethodHead)
}

func (p *Pacer) host(name string) *host {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, ok := p.hosts[name]
	if !ok {
		h = newHost(p.limits)
		p.hosts[name] = h
	}
	return h
}

// host is one registry, token service or blob store.
type host struct {
	slots    chan struct{} // nil: no limit
	requests *rate.Limiter
	bytes    *rate.Limiter // nil: no limit

	mu     sync.Mutex
	paused time.Time
}

// burstTime is how much may come at once of what a second allows.
const burstTime = 250 * time.Millisecond

func newHost(l Limits) *host {
	h := &host{requests: rate.NewLimiter(rate.Inf, 0)}
	if l.Requests > 0 {
		h.requests = rate.NewLimiter(rate.Limit(l.Requests), max(1, int(l.Requests*burstTime.Seconds())))
	}
	if l.Bytes > 0 {
		h.bytes = rate.NewLimiter(rate.Limit(l.Bytes), max(1, int(l.Bytes*burstTime.Seconds())))
	}
	if l.Connections > 0 {
		h.slots = make(chan struct{}, l.Connections)
	}
	return h
}

// turn waits for the pause to end, for a request and for a connection.
func (h *host) turn(ctx context.Context) error {
	if err := h.enter(ctx); err != nil {
		return err
	}
	for {
		pause := time.Until(h.pausedUntil())
		if pause <= 0 {
			break
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			h.leave()
			return context.Cause(ctx)
		}
	}
	if err := h.requests.Wait(ctx); err != nil {
		h.leave()
		return err
	}
	return nil
}

func (h *host) enter(ctx context.Context) error {
	if h.slots == nil {
		return nil
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (h *host) leave() {
	if h.slots != nil {
		<-h.slots
	}
}

func (h *host) pausedUntil() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.paused
}

// pause lets nobody ask this host for a while. A longer pause that was asked for
// before stays.
func (h *host) pause(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if until := time.Now().Add(d); until.After(h.paused) {
		h.paused = until
	}
}
