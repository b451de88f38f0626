package admission

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"github.com/imagegate/imagegate/gate"
)

// tracer names the spans of this package.
const tracer = "github.com/imagegate/imagegate/gate/admission"

// Handler answers reviews. It is safe for concurrent use; what judges can be
// replaced while it answers.
type Handler struct {
	limits Limits
	keep   Keep
	store  gate.Memory
	glass  BreakGlass
	now    func() time.Time

	exemptNamespaces []string
	exemptImages     map[string]bool
	pinned, unpinned []string
	pinTemplates     bool
	keepAdmitted     bool
	admitPending     bool
	admitUnenforced  bool

	bench  bench
	memory *memory
	checks *checks
	bodies chan struct{}
	// waiting is how many reviews wait for their answer.
	waiting atomic.Int64
	tags    tags
	asking  singleflight.Group // what tags mean

	tool     gate.Tool
	log      *slog.Logger
	registry *prometheus.Registry
	metrics  *metrics
	state    state
	routes   *http.ServeMux
}

var _ http.Handler = (*Handler)(nil)

// New makes a Handler that answers by this Judge. Whoever makes it closes it.
func New(j Judge, options ...Option) (*Handler, error) {
	h := &Handler{
		now: time.Now, exemptImages: map[string]bool{}, pinned: []string{"*"},
		tool: gate.Tool{Name: "imagegate", Version: "unknown"}, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry(),
	}
	if err := j.complete(); err != nil {
		return nil, err
	}
	for _, option := range options {
		if err := option(h); err != nil {
			return nil, err
		}
	}
	h.limits, h.keep = h.limits.withDefaults(), h.keep.withDefaults()
	var err error
	if h.memory, err = newMemory(h.limits.Verdicts, h.store); err != nil {
		return nil, err
	}
	if h.tags, err = newTags(h.limits.Verdicts); err != nil {
		return nil, err
	}
	h.checks, h.bodies = newChecks(h.limits), make(chan struct{}, h.limits.Bodies)
	if h.metrics, err = newMetrics(h); err != nil {
		return nil, err
	}
	h.install(j)
	h.routes = h.newRoutes()
	return h, nil
}

// Replace puts another Judge in office. Reviews that have begun are answered by
// the one before, which is closed after the last of them.
func (h *Handler) Replace(j Judge) error {
	if err := j.complete(); err != nil {
		return err
	}
	h.install(j)
	return nil
}

func (h *Handler) install(j Judge) { h.metrics.installed(h.bench.replace(j)) }

// Close ends the checks that are under way, in the background too, and closes the
// Judge. Reviews that come later are denied. Call it when the server has been shut
// down.
func (h *Handler) Close() {
	h.checks.close()
	s := h.bench.take()
	s.retire()
	s.release()
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	h.routes.ServeHTTP(w, request)
}

func (h *Handler) newRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	h.addProbes(mux)
	for path, e := range map[string]endpoint{"/imagepolicy": imagePolicy{}, "/validate": validate{}, "/mutate": mutate{}} {
		mux.Handle("POST "+path, h.reviewing(e))
	}
	return mux
}

// endpoint is one way to be asked.
type endpoint interface {
	name() string
	// answer reads a review and answers it. It notes in the call what encode needs,
	// as soon as it knows it.
	answer(h *Handler, c *call, body []byte) answer
	encode(c *call, a answer) any
}

// review judges the images of a review and sums up.
func (h *Handler) review(c *call, r review) answer {
	switch {
	case len(r.images) == 0 && !r.template:
		return denied(ruleReview, "it names no image")
	case len(r.images) > h.limits.Images:
		return denied(ruleReview, tooMany(len(r.images), h.limits.Images))
	}
	leave, ok := h.enter(c)
	if !ok {
		return denied(ruleOverload, "too many reviews wait for their answer: try again in a moment")
	}
	defer leave()
	return answerOf(h.judgeAll(c.ctx, c.seat, r))
}

// enter begins what may take its time: what is asked is known, and the body is not
// needed any more.
func (h *Handler) enter(c *call) (leave func(), ok bool) {
	c.decoded()
	if h.waiting.Add(1) > int64(h.limits.Reviews) {
		h.waiting.Add(-1)
		return nil, false
	}
	return func() { h.waiting.Add(-1) }, true
}

func tooMany(images, most int) string {
	return fmt.Sprintf("it names %d images, allowed are %d", images, most)
}

// contained answers, whatever happens meanwhile.
func (h *Handler) contained(e endpoint, c *call, w http.ResponseWriter, request *http.Request) (a answer) {
	defer func() {
		if reason := recover(); reason != nil {
			h.panicked(reason)
			a = denied(ruleInternal, "internal error")
		}
	}()
	body, err := h.readBody(c, w, request)
	defer func() { c.decoded() }()
	if err != nil {
		return denied(ruleReview, err.Error())
	}
	return e.answer(h, c, body)
}

// deadline is when a request has to be answered: a little before its client stops
// waiting, which it says in ?timeout=, as API servers do, and never later than
// Limits.AnswerTime says.
func (h *Handler) deadline(request *http.Request) (context.Context, context.CancelFunc) {
	wait := h.limits.AnswerTime
	if said, err := time.ParseDuration(request.URL.Query().Get("timeout")); err == nil && said > 0 {
		wait = min(wait, said)
	}
	margin := min(max(wait/10, 50*time.Millisecond), time.Second)
	return context.WithTimeout(request.Context(), max(wait-margin, wait/2))
}
