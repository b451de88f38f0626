package admission

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"k8s.io/apimachinery/pkg/types"
)

// call is one request on its way to its answer.
type call struct {
	ctx       context.Context
	id        string    // for the log
	uid       types.UID // of an AdmissionReview
	namespace string
	seat      *seat // who was in office when it came
	// decoded is called when the body is needed no more; more than once does no harm.
	decoded func()
}

// reviewing answers one endpoint: always with status 200, for what the API server
// makes of other ones is not ours to decide.
func (h *Handler) reviewing(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		began := time.Now()
		ctx, cancel := h.deadline(request)
		defer cancel()
		c := &call{ctx: ctx, id: newID(), seat: h.bench.take(), decoded: func() {}}
		defer c.seat.release()
		a := h.contained(e, c, w, request)
		a.restOn(c.seat)
		w.Header().Set("X-Request-Id", c.id)
		reply(w, http.StatusOK, e.encode(c, a))
		h.note(e, c, a, time.Since(began))
	})
}

// note leaves a line, numbers and a span's attributes behind.
func (h *Handler) note(e endpoint, c *call, a answer, took time.Duration) {
	h.metrics.answered(e.name(), a.allowed, took)
	trace.SpanFromContext(c.ctx).SetAttributes(attribute.Bool("allowed", a.allowed), attribute.String("request", c.id))
	level := slog.LevelInfo
	if !a.allowed {
		level = slog.LevelWarn
	}
	if !h.log.Enabled(c.ctx, level) {
		return
	}
	images := make([]string, len(a.opinions))
	for i, o := range a.opinions {
		images[i] = clip(o.line(), maxAudit)
	}
	h.log.LogAttrs(c.ctx, level, "review",
		slog.String("request", c.id), slog.String("endpoint", e.name()), slog.String("uid", printable(string(c.uid))),
		slog.String("namespace", printable(c.namespace)), slog.Bool("allowed", a.allowed),
		slog.Any("images", images), slog.String("reason", a.reason), slog.Float64("seconds", took.Seconds()))
}

func newID() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return hex.EncodeToString(id[:])
}

// reply writes JSON. What the client does not take is its own loss.
func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
