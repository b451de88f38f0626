package gate

import (
	"context"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// known is which facts about a platform image were remembered. Their steps are
// done, and nothing is read for them.
type known struct{ files, packages, matches bool }

// packagesFact is a bill of materials in our words.
type packagesFact struct {
	Distribution sbom.Distribution `json:"distribution"`
	Packages     []sbom.Package    `json:"packages"`
	Gaps         []string          `json:"gaps,omitempty"`
}

// matchesFact are the vulnerabilities that one database knows. There is one for
// each image: another database takes its place.
type matchesFact struct {
	Database        string               `json:"database"` // checksum
	Vulnerabilities []sbom.Vulnerability `json:"vulnerabilities"`
}

// recall takes what is remembered about this image into the evidence.
func (p *platformCheck) recall(ctx context.Context) {
	if p.check.gate.memory == nil {
		return
	}
	if p.check.needs.Files {
		p.timings.step(policy.StepFiles, func() error { p.recallFiles(ctx); return nil })
	}
	if p.check.needs.SBOM {
		p.timings.step(policy.StepSBOM, func() error { p.recallPackages(ctx); return nil })
	}
}

func (p *platformCheck) recallFiles(ctx context.Context) {
	var found policy.Inspection
	_, p.known.files = p.check.gate.memory.read(ctx, &found, factFiles, p.evidence.Digest)
	p.cache.note("evidence", hitIf(p.known.files))
	if p.known.files {
		p.setInspection(found)
		p.evidence.Steps[policy.StepConfig] = policy.Status{State: policy.Done}
		p.evidence.Steps[policy.StepFiles] = policy.Status{State: policy.Done}
	}
}

// recallPackages needs the cataloger's own form only where somebody asks for it, or
// where it has to be matched with another database.
func (p *platformCheck) recallPackages(ctx context.Context) {
	var found packagesFact
	_, p.known.packages = p.check.gate.memory.read(ctx, &found, factPackages, p.evidence.Digest, p.evidence.Name)
	if p.known.packages {
		p.recallMatches(ctx)
		switch unmatched := p.check.needs.Vulnerabilities && p.database != nil && !p.known.matches; {
		case p.check.gate.documents:
			p.document, p.known.packages = p.check.gate.memory.recallDocument(ctx, factDocument, p.about())
		case unmatched:
			p.document, p.known.packages = p.check.gate.memory.recallDocument(ctx, factInventory, p.about())
		}
	}
	p.cache.note("sbom", hitIf(p.known.packages))
	if p.check.needs.Vulnerabilities && !p.known.packages {
		p.cache.note("matches", cacheMiss)
	}
	if p.known.packages {
		p.evidence.Distribution, p.evidence.Packages, p.evidence.Gaps = found.Distribution, found.Packages, found.Gaps
		p.evidence.Steps[policy.StepSBOM] = policy.Status{State: policy.Done}
	}
}

// recallMatches finds the matches with the database that is in place. Without a
// database there is nothing to find, and the step will say why.
func (p *platformCheck) recallMatches(ctx context.Context) {
	if !p.check.needs.Vulnerabilities {
		return
	}
	database, err := p.check.gate.engines.Matcher.Database()
	if err != nil {
		return
	}
	p.database = database
	var found matchesFact
	_, ok := p.check.gate.memory.read(ctx, &found, factMatches, p.evidence.Digest, p.evidence.Name)
	p.known.matches = ok && database.Checksum != "" && found.Database == database.Checksum
	switch {
	case p.known.matches:
		p.cache.note("matches", cacheHit)
		p.evidence.Vulnerabilities = found.Vulnerabilities
		p.evidence.Steps[policy.StepVulnerabilities] = policy.Status{State: policy.Done}
	case ok:
		p.cache.note("matches", cacheStale)
	default:
		p.cache.note("matches", cacheMiss)
	}
}

func hitIf(known bool) string {
	if known {
		return cacheHit
	}
	return cacheMiss
}

func (m *memoirs) recallDocument(ctx context.Context, kind string, image sbom.Image) (*sbom.Document, bool) {
	data, _, ok := m.memory.Get(ctx, m.key(kind, image.Digest, image.Platform))
	if !ok {
		return nil, false
	}
	document, err := m.codec.DecodeDocument(data, image)
	return document, err == nil
}

func (m *memoirs) rememberFiles(ctx context.Context, digest string, found policy.Inspection) {
	m.write(ctx, found, factFiles, digest)
}

// rememberDocument keeps the cataloger's form before ours, which says that nothing
// needs to be read. The whole of it is large, and kept only where somebody wants it.
func (m *memoirs) rememberDocument(ctx context.Context, image sbom.Image, document *sbom.Document, whole bool) {
	if m == nil {
		return
	}
	data, err := m.codec.EncodeInventory(document)
	if err != nil {
		return
	}
	m.memory.Put(ctx, m.key(factInventory, image.Digest, image.Platform), data)
	if whole {
		if data, err = m.codec.EncodeDocument(document); err != nil {
			return
		}
		m.memory.Put(ctx, m.key(factDocument, image.Digest, image.Platform), data)
	}
	m.write(ctx, packagesFact{document.Distribution, document.Packages, document.Gaps}, factPackages, image.Digest, image.Platform)
}

func (m *memoirs) rememberMatches(ctx context.Context, image sbom.Image, database *sbom.Database, found []sbom.Vulnerability) {
	if database.Checksum != "" {
		m.write(ctx, matchesFact{database.Checksum, found}, factMatches, image.Digest, image.Platform)
	}
}
