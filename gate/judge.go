package gate

import (
	"slices"
	"time"

	"github.com/imagegate/imagegate/policy"
)

// Judge judges evidence that was collected before, by this policy and at this
// time: no engine runs and no registry is asked. The reference of the question is
// that of the evidence. Whoever can write the evidence decides the verdict, so it
// is to be kept as a verdict would be.
func Judge(p *policy.Policy, e policy.Evidence, stage policy.Stage, namespace string, now time.Time) Result {
	effective := p.For(e.Reference, namespace)
	e.Platforms = slices.DeleteFunc(slices.Clone(e.Platforms), func(p policy.Platform) bool { return !effective.Judges(p.Name) })
	r := judged(effective, e, stage, now)
	r.Namespace, r.Timings = namespace, map[policy.Step]int64{}
	return r
}

// judged asks the policy, the only place where a verdict is made.
func judged(p *policy.Policy, e policy.Evidence, stage policy.Stage, now time.Time) Result {
	verdict := p.Evaluate(e, stage, now)
	for i := range e.Platforms {
		p := &e.Platforms[i]
		p.Content, p.Packages, p.Vulnerabilities = listed(p.Content), listed(p.Packages), listed(p.Vulnerabilities)
	}
	return Result{
		Reference:    e.Reference.Typed,
		Digest:       e.Digest,
		MediaType:    e.MediaType,
		Stage:        stage,
		Verdict:      verdict.Decision,
		Signatures:   listed(e.Signatures),
		Attestations: e.Attestations,
		Rejected:     e.Rejected,
		Platforms:    listed(e.Platforms),
		Findings:     listed(verdict.Findings),
		Cache:        map[string]string{},
		Evidence:     e,
		JudgedAt:     now,
	}
}

// listed makes a list that was never made an empty one, so that its JSON is [].
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
