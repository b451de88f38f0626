package gate

import (
	"context"
	"errors"
	"time"

	"github.com/imagegate/imagegate/policy"
)

// Engines are what the steps run on. An engine may be nil only if no step that
// the policy asks for needs it.
type Engines struct {
	Images    Images
	Verifier  Verifier
	Inspector Inspector
	Cataloger Cataloger
	Matcher   Matcher
}

// Gate judges images under one policy. It is immutable and safe for concurrent
// use.
type Gate struct {
	policy    *policy.Policy
	engines   Engines
	now       func() time.Time
	timeout   time.Duration
	stopEarly map[policy.Stage]bool
	trustRoot string
	documents bool
	memory    *memoirs
	turns     *turns
	progress  func(Progress)
}

// Option changes how a Gate works. Options do not change what it decides.
type Option func(*Gate) error

// WithTimeout bounds one check; what is not known by then makes the verdict
// undecided. Default 10 minutes.
func WithTimeout(d time.Duration) Option {
	return func(g *Gate) error {
		if d <= 0 {
			return errors.New("the timeout of a check must be positive")
		}
		g.timeout = d
		return nil
	}
}

// WithStopEarly ends a check at the first denial at these stages, before any layer
// is pulled if the reference or the signatures deny. At the others all reasons
// are collected. Default admission.
func WithStopEarly(stages ...policy.Stage) Option {
	return func(g *Gate) error {
		g.stopEarly = map[policy.Stage]bool{}
		for _, s := range stages {
			g.stopEarly[s] = true
		}
		return nil
	}
}

// WithTrustRoot names the trusted root of the Verifier in every report.
// Default none.
func WithTrustRoot(hash string) Option {
	return func(g *Gate) error { g.trustRoot = hash; return nil }
}

// WithDocuments makes Check return the bills of materials and collect them even
// if no rule of the policy needs them. Default off.
func WithDocuments() Option {
	return func(g *Gate) error { g.documents = true; return nil }
}

// WithClock replaces the clock that expiry and age are judged by. Default time.Now.
func WithClock(now func() time.Time) Option {
	return func(g *Gate) error { g.now = now; return nil }
}

// New builds a Gate. It fails if the policy asks for a step at any stage whose
// engine is missing: a forgotten engine is never a pass.
func New(p *policy.Policy, engines Engines, options ...Option) (*Gate, error) {
	g := &Gate{
		policy:    p,
		engines:   engines,
		now:       time.Now,
		timeout:   10 * time.Minute,
		stopEarly: map[policy.Stage]bool{policy.StageAdmission: true},
		turns:     newTurns(defaultParallel()),
	}
	for _, o := range options {
		if err := o(g); err != nil {
			return nil, err
		}
	}
	if err := g.complete(); err != nil {
		return nil, err
	}
	return g, nil
}

// complete checks that each step which the policy asks for has its engine.
func (g *Gate) complete() error {
	if g.policy == nil {
		return errors.New("a gate needs a policy")
	}
	if g.engines.Images == nil {
		return errors.New("a gate needs Images")
	}
	for _, stage := range policy.Stages() {
		needs := g.needs(g.policy, stage)
		switch {
		case needs.Signatures && g.engines.Verifier == nil:
			return errors.New("the policy asks for signatures, but the gate has no Verifier")
		case (needs.Config || needs.Files) && g.engines.Inspector == nil:
			return errors.New("the policy asks for config or content, but the gate has no Inspector")
		case needs.SBOM && g.engines.Cataloger == nil:
			return errors.New("the policy asks for an SBOM, but the gate has no Cataloger")
		case needs.Vulnerabilities && g.engines.Matcher == nil:
			return errors.New("the policy asks for vulnerabilities, but the gate has no Matcher")
		}
	}
	return nil
}

// needs is what a policy asks for, with what each step needs of those before it.
func (g *Gate) needs(p *policy.Policy, stage policy.Stage) policy.Needs {
	n := p.Needs(stage)
	n.SBOM = n.SBOM || n.Vulnerabilities || g.documents
	n.Config = n.Config || n.Files
	return n
}

// Question is what is asked about one image.
type Question struct {
	Reference string
	Stage     policy.Stage
	// Namespace that the image is to run in, where that is known: overrides of the
	// policy match it.
	Namespace string
}

// Check judges the image or index that a reference names, in no namespace.
func (g *Gate) Check(ctx context.Context, reference string, stage policy.Stage) (Result, error) {
	return g.Ask(ctx, Question{Reference: reference, Stage: stage})
}

// Ask judges the image or index that a reference names. It never answers
// without a verdict; the error is a *ReferenceError and means that the question
// makes no sense. Results are undecided where the image could not be judged.
func (g *Gate) Ask(ctx context.Context, q Question) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	c := g.begin(q)

	// The tag is resolved once and ends here: every later step asks by digest, so
	// that all of them judge the same bytes. What it names says which overrides of
	// the policy apply.
	subject, err := c.resolve(ctx)
	if err != nil {
		return Result{}, err
	}

	// A signature counts only if it verifies and its payload names the digest;
	// nothing unverified gets past this step.
	c.verifySignatures(ctx, subject)

	c.eachPlatform(ctx, func(ctx context.Context, p *platformCheck) {
		// What is remembered about these bytes is not looked for again.
		p.recall(ctx)

		// Each layer is read once, into one tree that every later step looks at.
		files := p.readFiles(ctx)

		// The document is complete or says why it is not.
		p.catalog(ctx, files)
		files.close()

		// One database snapshot judges every platform.
		p.match(ctx)
	})

	// The verdict is a pure function of the evidence, the policy, the stage and the
	// time; what could not be collected makes it undecided.
	result := c.judge()
	result.Subject = subject
	return result, nil
}
