package admission

import (
	"time"

	"github.com/imagegate/imagegate/policy"
)

// BreakGlass verifies tokens that open the gate for one image. gate/breakglass
// implements it, but for the types.
type BreakGlass interface {
	// Verify returns what a token grants, if it was signed by somebody who may and
	// has not expired.
	Verify(token string, now time.Time) (Grant, error)
}

// Grant is what a token allows: one digest in one namespace.
type Grant struct {
	ID        string
	Digest    string
	Namespace string
	Issuer    string // who answers for it
	Reason    string
	Expires   time.Time
}

// breakGlass lets an image in that a token names, in the namespace that it names.
// The verdict stays what it is. What has no digest, no token can name.
func (h *Handler) breakGlass(o opinion, r review) opinion {
	if h.glass == nil || len(r.tokens) == 0 || o.verdict.Digest == "" || o.verdict.Decision == policy.Allow {
		return o
	}
	for _, token := range r.tokens {
		grant, err := h.glass.Verify(token, h.now())
		switch {
		case err != nil:
			h.metrics.breakGlass.WithLabelValues("refused").Inc()
			h.log.Warn("a break-glass token was refused", "image", shown(o.image), "namespace", r.namespace, "error", err.Error())
		case grant.Digest != o.verdict.Digest || grant.Namespace != r.namespace || r.namespace == "":
			h.metrics.breakGlass.WithLabelValues("elsewhere").Inc()
		default:
			o.grant, o.admitted, o.source = &grant, true, SourceBreakGlass
			h.metrics.breakGlass.WithLabelValues("used").Inc()
			h.log.Warn("break-glass: an image was let in by a token", "image", shown(o.image), "digest", grant.Digest,
				"namespace", grant.Namespace, "verdict", string(o.verdict.Decision), "token", grant.ID,
				"issuer", grant.Issuer, "reason", printable(grant.Reason), "expires", grant.Expires)
			return o
		}
	}
	return o
}
