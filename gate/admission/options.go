package admission

import (
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imagegate/imagegate/gate"
)

// Option changes how a Handler answers.
type Option func(*Handler) error

// WithLimits replaces bounds. Default those of Limits.
func WithLimits(l Limits) Option {
	return func(h *Handler) error { h.limits = l; return nil }
}

// WithKeep replaces how long verdicts are remembered. Default those of Keep.
func WithKeep(k Keep) Option {
	return func(h *Handler) error { h.keep = k; return nil }
}

// WithStore shares verdicts with other replicas, and with this one after a restart.
// It has to seal them (gate/store does): who can write it decides. Default none.
func WithStore(store gate.Memory) Option {
	return func(h *Handler) error { h.store = store; return nil }
}

// WithLog is where each review leaves a line. Default nowhere.
func WithLog(log *slog.Logger) Option {
	return func(h *Handler) error { h.log = log; return nil }
}

// WithRegistry is where metrics are registered and what /metrics shows. Default
// one of its own.
func WithRegistry(registry *prometheus.Registry) Option {
	return func(h *Handler) error { h.registry = registry; return nil }
}

// WithVersion is what /version and the metrics say. Default "unknown".
func WithVersion(tool gate.Tool) Option {
	return func(h *Handler) error { h.tool = tool; return nil }
}

// WithBreakGlass lets images in that a token names. Default none: annotations
// change nothing.
func WithBreakGlass(glass BreakGlass) Option {
	return func(h *Handler) error { h.glass = glass; return nil }
}

// WithExemptNamespaces lets everything in there, unjudged: these names, or patterns
// of path.Match ("kube-*"). Default none.
func WithExemptNamespaces(patterns ...string) Option {
	return func(h *Handler) error { return addPatterns(&h.exemptNamespaces, patterns) }
}

// WithExemptImages lets these images in, unjudged: by digest, and written as in the
// pod. It is for the image of this program itself. Default none.
func WithExemptImages(images ...string) Option {
	return func(h *Handler) error {
		for _, image := range images {
			if digestOf(image) == "" {
				return fmt.Errorf("an exempt image is named by digest, and %s is not", shown(image))
			}
			h.exemptImages[image] = true
		}
		return nil
	}
}

// WithPinning says in which namespaces /mutate pins tags: in those that match one of
// the first patterns and none of the second. Default in all.
func WithPinning(in, notIn []string) Option {
	return func(h *Handler) error {
		h.pinned = nil
		return errors.Join(addPatterns(&h.pinned, in), addPatterns(&h.unpinned, notIn))
	}
}

// WithPinnedTemplates makes /mutate pin in the templates of workloads, too, and not
// in pods alone. Tools that compare a cluster with a repository see a difference
// then. Default off.
func WithPinnedTemplates() Option {
	return func(h *Handler) error { h.pinTemplates = true; return nil }
}

// WithKeepAdmitted lets an update pass /validate as far as it changes no image, even
// if the image would be refused by now: so that a pod with a new vulnerability can
// still be labelled, scaled down or relieved of its finalizers. Default off.
func WithKeepAdmitted() Option {
	return func(h *Handler) error { h.keepAdmitted = true; return nil }
}

// WithInsecureAdmitPending lets in what could not be judged in time, with a warning,
// while the check goes on. Default off: it is denied.
func WithInsecureAdmitPending() Option {
	return func(h *Handler) error { h.admitPending = true; return nil }
}

// WithInsecureAdmitUnenforced lets in what could not be judged where the policy
// only warns or audits. The verdict stays undecided. Default off: a policy that
// warns does not say that unjudged images may run.
func WithInsecureAdmitUnenforced() Option {
	return func(h *Handler) error { h.admitUnenforced = true; return nil }
}

// WithClock replaces the clock that what is remembered grows old by. Default time.Now.
func WithClock(now func() time.Time) Option {
	return func(h *Handler) error { h.now = now; return nil }
}

func addPatterns(to *[]string, patterns []string) error {
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil || strings.TrimSpace(pattern) == "" {
			return fmt.Errorf("%q is no pattern for namespaces", pattern)
		}
		*to = append(*to, pattern)
	}
	return nil
}

func matchesAny(patterns []string, namespace string) bool {
	for _, pattern := range patterns {
		if ok, _ := path.Match(pattern, namespace); ok { // the patterns were tried before
			return true
		}
	}
	return false
}

// exempt says whether a namespace is not judged. No namespace is not exempt.
func (h *Handler) exempt(namespace string) bool {
	return namespace != "" && matchesAny(h.exemptNamespaces, namespace)
}

// pins says whether tags are pinned in a namespace.
func (h *Handler) pins(namespace string) bool {
	return matchesAny(h.pinned, namespace) && !matchesAny(h.unpinned, namespace)
}
