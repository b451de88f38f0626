package admission

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/imagegate/imagegate/gate/breakglass"
	"github.com/imagegate/imagegate/policy"
)

// review is what is asked, through whichever API.
type review struct {
	namespace string
	images    []string // each once
	// kept are images that need not be judged, since they were there before.
	kept     map[string]bool
	template bool // its pods are yet to be made
	// tokens that may open the gate.
	tokens []string
}

// opinion is what came out about one image of a review.
type opinion struct {
	image   string
	verdict Verdict
	source  Source
	// grant opened the gate; unopened is why the last token that tried did not.
	grant    *breakglass.Grant
	unopened error
	// admitted says whether the image may run.
	admitted bool
}

// judgeAll judges each image of a review, side by side.
func (h *Handler) judgeAll(ctx context.Context, s *seat, r review) []opinion {
	opinions := make([]opinion, len(r.images))
	var group errgroup.Group
	for i, name := range r.images {
		if o, ok := h.unasked(r, name); ok {
			opinions[i] = o
			continue
		}
		group.Go(func() error {
			opinions[i] = h.opine(ctx, s, r, name)
			return nil
		})
	}
	_ = group.Wait() // an opinion always comes out
	for _, o := range opinions {
		h.metrics.verdicts.WithLabelValues(string(o.verdict.Decision), string(o.source)).Inc()
	}
	return opinions
}

// unasked is the opinion about an image that the configuration lets in unjudged.
func (h *Handler) unasked(r review, name string) (opinion, bool) {
	o := opinion{image: name, verdict: Verdict{Digest: digestOf(name)}, admitted: true}
	switch {
	case h.exemptImages[name]:
		o.source = SourceExempt
	case r.kept[name]:
		o.source = SourceAdmitted
	default:
		return opinion{}, false
	}
	return o, true
}

// opine judges one image. A panic is an opinion, too: a closed one.
func (h *Handler) opine(ctx context.Context, s *seat, r review, name string) (o opinion) {
	o = opinion{image: name, source: SourceRefused}
	defer func() {
		if reason := recover(); reason != nil {
			h.panicked(reason)
			o = opinion{image: name, source: SourceRefused, verdict: undecided("", ruleInternal, "internal error", "")}
		}
	}()
	q, err := newQuestion(name, r.namespace)
	if err != nil {
		o.verdict = misnamed(err)
		return o
	}
	o.verdict, o.source = h.verdict(ctx, s, q)
	o.admitted = o.verdict.Decision == policy.Allow || h.tolerates(s, q, o)
	if !o.admitted {
		o = h.breakGlass(o, r)
	}
	return o
}

// tolerates says whether an image that could not be judged is let in all the same,
// as somebody has configured at their own risk.
func (h *Handler) tolerates(s *seat, q question, o opinion) bool {
	switch {
	case o.verdict.Decision != policy.NotDecidable || o.source == SourceRefused:
		return false
	case h.admitPending && o.source == SourcePending:
		return true
	}
	return h.admitUnenforced && s.Policy.For(q.where(), q.namespace).Enforcement != policy.Enforce
}
