package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// check is one question on its way through the pipeline: the evidence so far.
// Its steps never fail; a failure is written down as the step's Status. They run
// one after the other, so nothing here is locked.
type check struct {
	gate      *Gate
	policy    *policy.Policy // for this subject, as soon as it is known which one
	stage     policy.Stage
	namespace string
	needs     policy.Needs
	evidence  policy.Evidence
	images    []Platform // beside evidence.Platforms, same order
	timings   map[policy.Step]int64
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
		timings:   map[policy.Step]int64{},
		documents: map[string]*sbom.Document{},
	}
}

// step runs one step, adds its time and turns its end into a Status. A panic in
// an engine is a failure of the step, not of the process.
func (c *check) step(name policy.Step, run func() error) (status policy.Status) {
	start := time.Now()
	defer func() {
		c.timings[name] += time.Since(start).Milliseconds()
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

// maxSignatureLookups is how many manifests are asked for attachments at once.
const maxSignatureLookups = 4

// verifySignatures looks beside the subject and beside each of its platform
// images, since either may be what was signed.
func (c *check) verifySignatures(ctx context.Context, subject Subject) {
	if !c.needs.Signatures || c.evidence.Steps[policy.StepResolve].State != policy.Done {
		return
	}
	c.evidence.Steps[policy.StepSignatures] = c.step(policy.StepSignatures, func() error {
		digests := []string{subject.Digest()}
		for _, p := range c.evidence.Platforms {
			if !slices.Contains(digests, p.Digest) {
				digests = append(digests, p.Digest)
			}
		}
		verified := make([]Verified, len(digests))
		errs := make([]error, len(digests))
		var group errgroup.Group
		group.SetLimit(maxSignatureLookups)
		for i, digest := range digests {
			group.Go(func() error {
				verified[i], errs[i] = c.verifyDigest(ctx, subject, digest)
				return nil
			})
		}
		_ = group.Wait() // each digest keeps its own error
		for _, v := range verified {
			c.evidence.Signatures = append(c.evidence.Signatures, v.Signatures...)
			c.evidence.Attestations = append(c.evidence.Attestations, v.Attestations...)
			c.evidence.Rejected = append(c.evidence.Rejected, v.Rejected...)
		}
		return errors.Join(errs...)
	})
}

// verifyDigest verifies what was found even if not everything could be looked at:
// an unreadable attachment must not mask a valid one.
func (c *check) verifyDigest(ctx context.Context, subject Subject, digest string) (verified Verified, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("verifying signatures of %s: internal error: %v", digest, r)
		}
	}()
	attachments, err := subject.Attachments(ctx, digest)
	verified = c.gate.engines.Verifier.Verify(ctx, digest, attachments)
	if err != nil {
		return verified, fmt.Errorf("looking for signatures of %s: %w", digest, err)
	}
	return verified, nil
}

// settled says that the verdict is deny whatever else is found, and that this
// stage wants no more reasons.
func (c *check) settled() bool {
	return c.gate.stopEarly[c.stage] && c.policy.DeniedSoFar(c.evidence, c.stage, c.gate.now())
}

// platformCheck is one platform image and its place in the evidence.
type platformCheck struct {
	image    Platform
	evidence *policy.Platform
}

func (c *check) platforms() []platformCheck {
	list := make([]platformCheck, len(c.images))
	for i, image := range c.images {
		list[i] = platformCheck{image, &c.evidence.Platforms[i]}
	}
	return list
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
// inspects both.
func (c *check) readFiles(ctx context.Context, p platformCheck) tree {
	var config *v1.ConfigFile
	if c.needs.Config || c.needs.SBOM {
		p.evidence.Steps[policy.StepConfig] = c.step(policy.StepConfig, func() (err error) {
			config, err = p.image.Config(ctx)
			if err == nil && c.gate.engines.Inspector != nil {
				p.evidence.Config, p.evidence.Content = c.gate.engines.Inspector.Config(config)
			}
			return err
		})
	}
	if wanted := c.needs.Files || c.needs.SBOM; config == nil || !wanted || c.settled() {
		return tree{}
	}
	var files FileTree
	p.evidence.Steps[policy.StepFiles] = c.step(policy.StepFiles, func() (err error) {
		if files, err = p.image.Files(ctx); err != nil || !c.needs.Files {
			return err
		}
		inspection, err := c.gate.engines.Inspector.Files(ctx, config, files)
		if err != nil {
			return err
		}
		p.evidence.Config, p.evidence.Content = inspection.Config, inspection.Content
		p.evidence.Size.UncompressedBytes = inspection.Size.UncompressedBytes
		p.evidence.Size.Files = inspection.Size.Files
		p.evidence.Size.Largest = inspection.Size.Largest
		return nil
	})
	return tree{files}
}

// catalog makes the bill of materials. Without files there is none, and the step
// says what it was waiting for.
func (c *check) catalog(ctx context.Context, p platformCheck, files tree) *sbom.Document {
	if !c.needs.SBOM || c.settled() {
		return nil
	}
	if files.FileTree == nil {
		p.evidence.Steps[policy.StepSBOM] = after(p.evidence.Steps, policy.StepFiles, policy.StepConfig)
		return nil
	}
	var document *sbom.Document
	p.evidence.Steps[policy.StepSBOM] = c.step(policy.StepSBOM, func() (err error) {
		document, err = c.gate.engines.Cataloger.Catalog(ctx, c.catalogImage(p), files.FileTree)
		if err != nil {
			return err
		}
		p.evidence.Distribution = document.Distribution
		p.evidence.Packages = document.Packages
		p.evidence.Gaps = document.Gaps
		if c.gate.documents {
			c.documents[p.evidence.Digest] = document
		}
		return nil
	})
	return document
}

func (c *check) catalogImage(p platformCheck) sbom.Image {
	return sbom.Image{
		Name:      c.evidence.Reference.Typed,
		Digest:    p.evidence.Digest,
		Platform:  p.evidence.Name,
		MediaType: c.evidence.MediaType,
		Labels:    p.evidence.Config.Labels,
	}
}

// match finds the vulnerabilities of a document in the database.
func (c *check) match(ctx context.Context, p platformCheck, document *sbom.Document) {
	if !c.needs.Vulnerabilities || c.settled() {
		return
	}
	if document == nil {
		p.evidence.Steps[policy.StepVulnerabilities] = after(p.evidence.Steps, policy.StepSBOM)
		return
	}
	p.evidence.Steps[policy.StepVulnerabilities] = c.step(policy.StepVulnerabilities, func() error {
		database, err := c.gate.engines.Matcher.Database()
		if err != nil {
			return err
		}
		c.evidence.Database = database
		p.evidence.Vulnerabilities, err = c.gate.engines.Matcher.Match(ctx, document)
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

// judge asks the policy for a verdict over the evidence.
func (c *check) judge() Result {
	r := judged(c.policy, c.evidence, c.stage, c.gate.now())
	r.Namespace, r.Timings, r.Documents = c.namespace, c.timings, c.documents
	return r
}
