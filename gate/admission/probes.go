package admission

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/imagegate/imagegate/policy"
)

// Probes answers what is no review: /healthz, /readyz, /metrics and /version. They
// tell nothing of images, and can be served where no client certificate is asked
// for.
func (h *Handler) Probes() http.Handler {
	mux := http.NewServeMux()
	h.addProbes(mux)
	return mux
}

func (h *Handler) addProbes(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", h.readyz)
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, h.tool) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.registry, promhttp.HandlerOpts{}))
}

// state is what was told to the Handler about itself.
type state struct {
	mu       sync.Mutex
	draining bool
	failing  map[string]string // by what could not be read anew
}

// Drain makes /readyz say no, so that no new reviews are sent here. Those that come
// are answered all the same.
func (h *Handler) Drain() {
	h.state.mu.Lock()
	defer h.state.mu.Unlock()
	h.state.draining = true
}

// Reloaded notes that a file was read anew ("policy", "certificate"), or why what it
// says cannot be used. What it said before stays in force then, so the server stays
// ready.
func (h *Handler) Reloaded(what string, err error) {
	h.state.mu.Lock()
	defer h.state.mu.Unlock()
	if h.state.failing == nil {
		h.state.failing = map[string]string{}
	}
	if err != nil {
		h.state.failing[what] = printable(clip(err.Error(), maxMessage))
		h.metrics.reloads.WithLabelValues(what, "failure").Inc()
		h.metrics.failing.WithLabelValues(what).Set(1)
		h.log.Error("what was read anew cannot be used, what was there before stays in force", "what", what, "error", err.Error())
		return
	}
	delete(h.state.failing, what)
	h.metrics.reloads.WithLabelValues(what, "success").Inc()
	h.metrics.reloadedAt.WithLabelValues(what).Set(float64(h.now().Unix()))
	h.metrics.failing.WithLabelValues(what).Set(0)
	h.log.Info("read anew", "what", what)
}

// readyz lists what the server needs, a line each: [+] there, [-] missing, [!] there,
// but not as the files say.
func (h *Handler) readyz(w http.ResponseWriter, _ *http.Request) {
	ready, lines := h.readiness()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = fmt.Fprintln(w, strings.Join(lines, "\n")) // the client may be gone
}

func (h *Handler) readiness() (ready bool, lines []string) {
	s := h.bench.take()
	defer s.release()
	needs := s.Policy.Needs(policy.StageAdmission)
	ready = true
	line := func(ok bool, format string, args ...any) {
		mark := "[+]"
		if !ok {
			mark, ready = "[-]", false
		}
		lines = append(lines, mark+fmt.Sprintf(format, args...))
	}
	line(true, "policy: %s %s", printable(s.Policy.Name()), s.policyHash)
	switch {
	case s.TrustRoot != "":
		line(true, "trust root: %s", s.TrustRoot)
	default:
		line(!needs.Signatures, "trust root: none")
	}
	switch {
	case s.Database != nil:
		line(true, "database: built %s, %s", s.Database.Built.UTC().Format(time.RFC3339), s.Database.Checksum)
		if most := time.Duration(s.Policy.Vulnerabilities.Database.MaxAge); needs.Vulnerabilities && most > 0 && h.now().Sub(s.Database.Built) > most {
			lines = append(lines, "[!]database: it is older than the policy allows, so nothing is allowed by it: imagegate db update")
		}
	case s.DatabaseError != nil:
		line(!needs.Vulnerabilities, "database: %s", printable(s.DatabaseError.Error()))
	default:
		line(!needs.Vulnerabilities, "database: none")
	}
	h.state.mu.Lock()
	defer h.state.mu.Unlock()
	if h.state.draining {
		line(false, "shutting down")
	}
	whats := make([]string, 0, len(h.state.failing))
	for what := range h.state.failing {
		whats = append(whats, what)
	}
	slices.Sort(whats)
	for _, what := range whats {
		lines = append(lines, fmt.Sprintf("[!]%s: the new one cannot be used, the one before is in force: %s", what, h.state.failing[what]))
	}
	return ready, lines
}
