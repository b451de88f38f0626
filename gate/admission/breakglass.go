package admission

import (
	"strings"
	"time"

	"github.com/imagegate/imagegate/gate/breakglass"
	"github.com/imagegate/imagegate/policy"
)

// BreakGlass verifies tokens that open the gate. *breakglass.Verifier implements it.
type BreakGlass interface {
	// Verify returns what a token grants, if it was signed by somebody who may and
	// has not expired.
	Verify(token string, now time.Time) (breakglass.Grant, error)
}

// The bounds on tokens in one annotation.
const (
	maxTokens     = 8
	maxTokenBytes = 64 << 10
)

// tokensOf are the tokens in the annotations of a pod: as many as it has images, at
// most, with spaces between them.
func tokensOf(annotations map[string]string) []string {
	tokens := strings.Fields(clip(annotations[breakglass.Annotation], maxTokenBytes))
	return tokens[:min(len(tokens), maxTokens)]
}

// breakGlass lets an image in that a token names, in the namespace that it names.
// The verdict stays what it is. What has no digest, no token can name.
func (h *Handler) breakGlass(o opinion, r review) opinion {
	if h.glass == nil || o.verdict.Digest == "" || o.verdict.Decision == policy.Allow {
		return o
	}
	for _, token := range r.tokens {
		grant, err := h.glass.Verify(token, h.now())
		if err == nil {
			err = grant.Permits(r.namespace, o.verdict.Digest)
		}
		if err != nil {
			h.metrics.breakGlass.WithLabelValues("refused").Inc()
			h.log.Warn("a break-glass token was refused", "image", shown(o.image), "digest", o.verdict.Digest,
				"namespace", printable(r.namespace), "token", printable(grant.ID), "error", err.Error())
			o.unopened = err
			continue
		}
		o.grant, o.admitted, o.source, o.unopened = &grant, true, SourceBreakGlass, nil
		h.metrics.breakGlass.WithLabelValues("used").Inc()
		h.log.Warn("break-glass: an image was let in by a token", "image", shown(o.image), "digest", o.verdict.Digest,
			"namespace", printable(grant.Namespace), "verdict", string(o.verdict.Decision), "token", printable(grant.ID),
			"owner", printable(grant.Owner), "reason", printable(grant.Reason), "expires", grant.Expires.UTC(), "key", grant.Key)
		return o
	}
	return o
}

// used is how a grant is written down where it was used.
func used(g *breakglass.Grant) string {
	return "token " + printable(g.ID) + " of " + printable(g.Owner) + " until " + g.Expires.UTC().Format(time.RFC3339)
}
