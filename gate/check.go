package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// check is one question on its way through the pipeline: the evidence so far.
// Its steps never fail; a failure is written down as the step's Status. Those of
// the subject run one after the other, those of its platform images side by side.
type check struct {
	gate      *Gate
	policy    *policy.Policy // for this subject, as soon as it is known which one
	stage     policy.Stage
	namespace string
	needs     policy.Needs
	evidence  policy.Evidence
	images    []Platform  // beside evidence.Platforms, same order
	denied    atomic.Bool // whatever else is found, and this stage wants no more reasons

	gathering sync.Mutex // what is below, while platform images are on their way
	timings   timings
	cache     cacheUse
	documents map[string]*sbom.Document
}

func (g *Gate) begin(q Question) *check {
	return &check{
		gate:      g,
		policy:    g.policy,
		stage:     q.Stage,
		namespace: q.Namespace,
		evidence: policy.Evidence{
			SchemaVersion: policy.EvidenceVersion,
			Reference:     policy.Reference{Typed: q.Reference},
			TrustRoot:     g.trustRoot,
			Steps:         map[policy.Step]policy.Status{},
		},
		timings:   timings{},
		cache:     cacheUse{},
		documents: map[string]*sbom.Document{},
	}
}

// timings are milliseconds by step.
type timings map[policy.Step]int64

// step runs one step, adds its time and turns its end into a Status. A panic in
// an engine is a failure of the step, not of the process.
func (t timings) step(name policy.Step, run func() error) (status policy.Status) {
	start := time.Now()
	defer func() {
		t[name] += time.Since(start).Milliseconds()
		if r := recover(); r != nil {
			status = policy.Status{State: policy.Failed, Error: fmt.Sprintf("internal error: %v", r)}
		}
	}()
	return statusOf(run())
}

func statusOf(err error) policy.Status {
	if err == nil {
		return policy.Status{State: policy.Done}
	}
	s := policy.Status{State: policy.Failed, Error: err.Error(), Remedy: remedyOf(err), Transient: transient(err)}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		s.Transient = true
	}
	return s
}

// decidePolicy lays the overrides for the subject over the policy. Where the
// reference could not be resolved, those are left that need no image.
func (c *check) decidePolicy() {
	c.policy = c.gate.policy.For(c.evidence.Reference, c.namespace)
	c.needs = c.gate.needs(c.policy, c.stage)
}

// resolve pins the reference and lists the platform images that the policy wants
// judged. The error is a *ReferenceError.
func (c *check) resolve(ctx context.Context) (Subject, error) {
	var subject Subject
	var misnamed *ReferenceError
	status := c.step(policy.StepResolve, func() (err error) {
		subject, err = c.gate.engines.Images.Resolve(ctx, c.evidence.Reference.Typed)
		if err != nil {
			errors.As(err, &misnamed)
			return err
		}
		c.evidence.Reference = subject.Reference()
		c.evidence.Digest = subject.Digest()
		c.evidence.MediaType = subject.MediaType()
		c.images, err = subject.Platforms(ctx)
		return err
	})
	c.evidence.Steps[policy.StepResolve] = status
	if misnamed != nil {
		return nil, misnamed
	}
	c.decidePolicy()
	c.images = slices.DeleteFunc(c.images, func(p Platform) bool { return !c.policy.Judges(p.Name()) })
	for _, p := range c.images {
		c.evidence.Platforms = append(c.evidence.Platforms, policy.Platform{
			Name:   p.Name(),
			Digest: p.Digest(),
			Size:   policy.Size{CompressedBytes: p.CompressedBytes(), Layers: p.Layers(), LayerSizes: p.LayerSizes()},
			Steps:  map[policy.Step]policy.Status{},
		})
	}
	return subject, nil
}

// judge asks the policy for a verdict over the evidence.
func (c *check) judge() Result {
	r := judged(c.policy, c.evidence, c.stage, c.gate.now())
	r.Namespace, r.Timings, r.Cache, r.Documents = c.namespace, c.timings, c.cache, c.documents
	return r
}
