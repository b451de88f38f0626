package gate

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// platformCheck is one platform image on its way through the pipeline. Several may
// be on their way at once: what one of them finds is its own until all are done,
// and what it reads of the check does not change meanwhile.
type platformCheck struct {
	check    *check
	image    Platform
	evidence *policy.Platform
	known    known
	document *sbom.Document // nil where there is none, or where nobody needs it
	database *sbom.Database
	timings  timings
	cache    cacheUse
}

// eachPlatform runs the steps of every platform image: side by side, or one after
// the other where the first denial ends the check, so that it is the same one
// each time.
func (c *check) eachPlatform(ctx context.Context, steps func(context.Context, *platformCheck)) {
	var group errgroup.Group
	if c.gate.stopEarly[c.stage] {
		group.SetLimit(1)
	}
	for i, image := range c.images {
		p := &platformCheck{check: c, image: image, evidence: &c.evidence.Platforms[i], timings: timings{}, cache: cacheUse{}}
		group.Go(func() error {
			if c.denied.Load() {
				return nil
			}
			p.run(ctx, steps)
			c.gather(p)
			return nil
		})
	}
	_ = group.Wait() // what fails is in the evidence
}

// run takes the steps when it is this image's turn.
func (p *platformCheck) run(ctx context.Context, steps func(context.Context, *platformCheck)) {
	// Where one reason is enough, it is had before a layer is pulled.
	if p.settled() {
		return
	}
	done, err := p.check.gate.turns.take(ctx, p.evidence.Digest)
	if err != nil {
		p.evidence.Steps[policy.StepConfig] = statusOf(err)
		return
	}
	defer done()
	defer func() {
		if r := recover(); r != nil {
			p.evidence.Steps[policy.StepConfig] = policy.Status{State: policy.Failed, Error: fmt.Sprintf("internal error: %v", r)}
		}
	}()
	steps(ctx, p)
}

// gather adds what was found about one platform image to the check.
func (c *check) gather(p *platformCheck) {
	c.gathering.Lock()
	defer c.gathering.Unlock()
	for step, ms := range p.timings {
		c.timings[step] += ms
	}
	for part, word := range p.cache {
		c.cache.note(part, word)
	}
	if p.database != nil {
		c.evidence.Database = p.database
	}
	if c.gate.documents && p.document != nil {
		c.documents[p.evidence.Digest] = p.document
	}
}

// settled says that the verdict is deny whatever else is found, and that this
// stage wants no more reasons. What is known of this image alone decides.
func (p *platformCheck) settled() bool {
	c := p.check
	if !c.gate.stopEarly[c.stage] {
		return false
	}
	soFar := c.evidence
	soFar.Platforms = []policy.Platform{*p.evidence}
	if p.database != nil {
		soFar.Database = p.database
	}
	if c.policy.DeniedSoFar(soFar, c.stage, c.gate.now()) {
		c.denied.Store(true)
	}
	return c.denied.Load()
}

// tree is a file tree that may not be there.
type tree struct{ FileTree }

func (t tree) close() {
	if t.FileTree != nil {
		// The content is gone either way; nothing that was judged depends on it.
		_ = t.Close()
	}
}

// readFiles reads the config and, if a later step needs them, the layers, and
// inspects both. What is known already is not read again.
func (p *platformCheck) readFiles(ctx context.Context) tree {
	needs := p.check.needs
	inspect, catalog := needs.Files && !p.known.files, needs.SBOM && !p.known.packages
	if catalog {
		p.check.prepareCataloger()
	}
	var config *v1.ConfigFile
	if (needs.Config || catalog) && !p.known.files {
		config = p.readConfig(ctx)
		if config == nil {
			return tree{}
		}
	}
	if !inspect && !catalog || p.settled() {
		return tree{}
	}
	var files FileTree
	p.evidence.Steps[policy.StepFiles] = p.step(policy.StepFiles, func() (err error) {
		if files, err = p.image.Files(ctx); err != nil || !inspect {
			return err
		}
		err = p.inspect(ctx, config, files)
		if reread, ok := rereadable(files, err); ok {
			files, err = reread.Again(ctx)
			tree{reread}.close()
			if err == nil {
				err = p.inspect(ctx, config, files)
			}
		}
		return err
	})
	return tree{files}
}

// rereadable says whether a step failed because of content that another reading of
// the layers would keep.
func rereadable(files FileTree, failure error) (Rereadable, bool) {
	reread, ok := files.(Rereadable)
	return reread, ok && errors.Is(failure, sbom.ErrNotKept)
}

func (p *platformCheck) readConfig(ctx context.Context) (config *v1.ConfigFile) {
	p.evidence.Steps[policy.StepConfig] = p.step(policy.StepConfig, func() (err error) {
		config, err = p.image.Config(ctx)
		if inspector := p.check.gate.engines.Inspector; err == nil && inspector != nil {
			p.evidence.Config, p.evidence.Content = inspector.Config(config)
		}
		return err
	})
	return config
}

func (p *platformCheck) inspect(ctx context.Context, config *v1.ConfigFile, files FileTree) error {
	found, err := p.check.gate.engines.Inspector.Files(ctx, config, files)
	if err != nil {
		return err
	}
	p.setInspection(found)
	p.check.gate.memory.rememberFiles(ctx, p.evidence.Digest, found)
	return nil
}

func (p *platformCheck) setInspection(found policy.Inspection) {
	p.evidence.Config, p.evidence.Content = found.Config, found.Content
	p.evidence.Size.UncompressedBytes = found.Size.UncompressedBytes
	p.evidence.Size.Files = found.Size.Files
	p.evidence.Size.Largest = found.Size.Largest
}

// prepareCataloger begins what takes long, beside the pull. A Cataloger that can
// do so has a method Prepare.
func (c *check) prepareCataloger() {
	if slow, ok := c.gate.engines.Cataloger.(interface{ Prepare() }); ok {
		slow.Prepare()
	}
}

// catalog makes the bill of materials. Without files there is none, and the step
// says what it was waiting for.
func (p *platformCheck) catalog(ctx context.Context, files tree) {
	if !p.check.needs.SBOM || p.known.packages || p.settled() {
		return
	}
	if files.FileTree == nil {
		p.evidence.Steps[policy.StepSBOM] = after(p.evidence.Steps, policy.StepFiles, policy.StepConfig)
		return
	}
	p.evidence.Steps[policy.StepSBOM] = p.step(policy.StepSBOM, func() error {
		document, err := p.catalogFiles(ctx, files.FileTree)
		if err != nil {
			return err
		}
		p.setDocument(document)
		p.check.gate.memory.rememberDocument(ctx, p.about(), document, p.check.gate.documents)
		return nil
	})
}

// catalogFiles reads the layers again where what was kept of them is not enough.
func (p *platformCheck) catalogFiles(ctx context.Context, files FileTree) (*sbom.Document, error) {
	cataloger := p.check.gate.engines.Cataloger
	document, err := cataloger.Catalog(ctx, p.about(), files)
	reread, ok := rereadable(files, err)
	if !ok {
		return document, err
	}
	again, err := reread.Again(ctx)
	if err != nil {
		return nil, err
	}
	defer tree{again}.close()
	return cataloger.Catalog(ctx, p.about(), again)
}

func (p *platformCheck) setDocument(document *sbom.Document) {
	p.document = document
	p.evidence.Distribution = document.Distribution
	p.evidence.Packages = document.Packages
	p.evidence.Gaps = document.Gaps
}

// about says which image a bill of materials is about.
func (p *platformCheck) about() sbom.Image {
	return sbom.Image{
		Name:      p.check.evidence.Reference.Typed,
		Digest:    p.evidence.Digest,
		Platform:  p.evidence.Name,
		MediaType: p.check.evidence.MediaType,
		Labels:    p.evidence.Config.Labels,
	}
}

// match finds the vulnerabilities of the document in the database.
func (p *platformCheck) match(ctx context.Context) {
	if !p.check.needs.Vulnerabilities || p.known.matches || p.settled() {
		return
	}
	if p.evidence.Steps[policy.StepSBOM].State != policy.Done {
		p.evidence.Steps[policy.StepVulnerabilities] = after(p.evidence.Steps, policy.StepSBOM)
		return
	}
	p.evidence.Steps[policy.StepVulnerabilities] = p.step(policy.StepVulnerabilities, func() (err error) {
		matcher := p.check.gate.engines.Matcher
		if p.database, err = matcher.Database(); err != nil {
			return err
		}
		p.evidence.Vulnerabilities, err = matcher.Match(ctx, p.document)
		if err == nil {
			p.check.gate.memory.rememberMatches(ctx, p.about(), p.database, p.evidence.Vulnerabilities)
		}
		return err
	})
}

// after is the status of a step that could not start because an earlier one
// failed: it carries that one's reason, so that each rule can say it.
func after(steps map[policy.Step]policy.Status, earlier ...policy.Step) policy.Status {
	for _, name := range earlier {
		if s := steps[name]; s.State == policy.Failed {
			return s
		}
	}
	return policy.Status{}
}
