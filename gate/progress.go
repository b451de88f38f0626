package gate

import "github.com/imagegate/imagegate/policy"

// Progress is a step that begins or has ended, for whoever shows what is going on.
type Progress struct {
	Reference string // as typed
	Platform  string // empty: a step of the subject
	Step      policy.Step
	Ended     bool
	// Layers of the platform image, and their compressed bytes.
	Layers int
	Bytes  int64
}

// WithProgress is told of the steps of every check, from several goroutines. It must
// not block: the step waits for it. Default nobody.
func WithProgress(tell func(Progress)) Option {
	return func(g *Gate) error { g.progress = tell; return nil }
}

// tell says that a step begins, and returns what says that it has ended.
func (g *Gate) tell(p Progress) (ended func()) {
	if g.progress == nil {
		return func() {}
	}
	g.progress(p)
	return func() { p.Ended = true; g.progress(p) }
}

// step runs a step of the subject.
func (c *check) step(name policy.Step, run func() error) policy.Status {
	defer c.gate.tell(Progress{Reference: c.evidence.Reference.Typed, Step: name})()
	return c.timings.step(name, run)
}

// step runs a step of one platform image.
func (p *platformCheck) step(name policy.Step, run func() error) policy.Status {
	defer p.check.gate.tell(Progress{
		Reference: p.check.evidence.Reference.Typed, Platform: p.evidence.Name, Step: name,
		Layers: p.evidence.Size.Layers, Bytes: p.evidence.Size.CompressedBytes,
	})()
	return p.timings.step(name, run)
}
