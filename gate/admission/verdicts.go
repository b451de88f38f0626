package admission

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

// Source says where a verdict came from.
type Source string

// The sources.
const (
	SourceMemory     Source = "memory"     // remembered in this process
	SourceStore      Source = "store"      // remembered in the store that replicas share
	SourceCheck      Source = "check"      // judged now
	SourcePending    Source = "pending"    // not judged in time
	SourceOverload   Source = "overload"   // not judged, since too much is
	SourceLastGood   Source = "last-good"  // could not be judged, and an older verdict stands in
	SourceRefused    Source = "refused"    // the name alone is reason enough
	SourceExempt     Source = "exempt"     // the configuration says that it is not judged
	SourceAdmitted   Source = "admitted"   // it was there before the update
	SourceBreakGlass Source = "breakglass" // a token opened the gate
)

// verdict answers a question before ctx ends: from memory, from the store, or by a
// check that others may have begun.
func (h *Handler) verdict(ctx context.Context, s *seat, q question) (Verdict, Source) {
	k := key{basis: s.basis, scope: s.Policy.Scope(q.namespace), reference: q.reference}
	v, source := h.decide(ctx, s, k, q)
	if v.Decision == policy.NotDecidable && h.keep.LastGood > 0 && q.byDigest() {
		if good, ok := h.memory.lastGood(k, h.keep.LastGood, h.now()); ok {
			return good, SourceLastGood
		}
	}
	return v, source
}

func (h *Handler) decide(ctx context.Context, s *seat, k key, q question) (v Verdict, source Source) {
	var ok bool
	known := func() bool { v, ok = h.memory.recall(k, s.database, h.now()); return ok }
	if known() {
		return v, SourceMemory
	}
	running, err := h.checks.join(work{k, s.database}, known, func() run { return h.checking(s.use(), k, q) })
	switch {
	case err != nil:
		return overloaded(q, err), SourceOverload
	case running == nil:
		return v, SourceMemory
	}
	select {
	case <-running.done:
		return running.verdict, running.source
	case <-ctx.Done():
		return undecided(q.digest(), rulePending, "it is still being judged", "try again in a moment"), SourcePending
	}
}

func overloaded(q question, err error) Verdict {
	return undecided(q.digest(), ruleOverload, "it was not judged: "+err.Error(), "try again in a moment")
}

// checking is the check of a question, in the background. It releases the seat.
func (h *Handler) checking(s *seat, k key, q question) run {
	return func(ctx context.Context) (v Verdict, source Source) {
		defer s.release()
		defer func() {
			if r := recover(); r != nil {
				h.panicked(r)
				v, source = undecided(q.digest(), ruleInternal, fmt.Sprintf("internal error: %v", r), ""), SourceCheck
			}
		}()
		if v, ok := h.memory.fetch(ctx, k, s.database, h.now()); ok {
			h.memory.keep(k, s.database, v)
			return v, SourceStore
		}
		ctx, cancel := context.WithTimeout(ctx, h.limits.CheckTime)
		defer cancel()
		done, ok := h.checks.turn(ctx)
		if !ok {
			return overloaded(q, errOverload), SourceOverload
		}
		defer done()
		v = h.judge(ctx, s, q)
		if ctx.Err() == nil {
			h.memory.keep(k, s.database, v)
			h.memory.share(ctx, k, s.database, v)
		}
		return v, SourceCheck
	}
}

// judge asks the gate, and finds out how long its answer holds.
func (h *Handler) judge(ctx context.Context, s *seat, q question) Verdict {
	ctx, span := otel.Tracer(tracer).Start(ctx, "check")
	defer span.End()
	began := time.Now()
	result, err := s.Gate.Ask(ctx, gate.Question{Reference: q.reference, Stage: policy.StageAdmission, Namespace: q.namespace})
	var v Verdict
	if err != nil {
		v = misnamed(err)
		v.JudgedAt = h.now()
	} else {
		v = verdictOf(result, s.Policy)
	}
	if v.Digest == "" {
		v.Digest = q.digest()
	}
	v.Until = v.JudgedAt.Add(h.holds(s, q, result, v))
	h.metrics.checked(v.Decision, time.Since(began))
	span.SetAttributes(attribute.String("image", shown(q.image)), attribute.String("digest", v.Digest), attribute.String("verdict", string(v.Decision)))
	return v
}

// holds is how long a verdict is remembered. What is allowed now and will not be
// then, since an exception expires, a grace period ends or the database grows old,
// is asked again soon. Time alone never turns a verdict to the better, so what
// holds at the end has held all the time.
func (h *Handler) holds(s *seat, q question, r gate.Result, v Verdict) time.Duration {
	keep := h.keep.time(v.Decision, q.byDigest())
	if v.Decision == policy.Allow {
		then := gate.Judge(s.Policy, r.Evidence, r.Stage, r.Namespace, v.JudgedAt.Add(keep))
		if then.Verdict != policy.Allow {
			return min(keep, h.keep.Undecided)
		}
	}
	return keep
}

// panicked notes a panic that was contained.
func (h *Handler) panicked(reason any) {
	h.metrics.panics.Inc()
	h.log.Error("a panic was contained", "panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
}
