package policy

import (
	"slices"
	"strings"
)

// AllPlatforms stands for every platform of an index.
const AllPlatforms = "all"

// Judges says whether the policy wants a platform judged ("linux/arm64/v8").
// Evidence about the others need not be collected. Of a policy with overrides,
// ask what For returns.
func (p *Policy) Judges(platform string) bool {
	return slices.ContainsFunc(p.Platforms, func(name string) bool { return selects(name, platform) })
}

// selects is true of a name itself, of its variants ("linux/arm64" selects
// "linux/arm64/v8") and of its OS versions ("windows/amd64:10.0.20348").
func selects(name, platform string) bool {
	if name == AllPlatforms || name == platform {
		return true
	}
	rest, ok := strings.CutPrefix(platform, name)
	return ok && (rest[0] == '/' || rest[0] == ':')
}

// Needs says which steps must run so that every rule that applies at a stage has
// its facts. Vulnerabilities implies SBOM; Files is the inspection of the files.
// Of a policy with overrides it is what the policy or one of them needs; the
// policy that For returns needs what its subject needs.
func (p *Policy) Needs(stage Stage) Needs {
	needs := p.ownNeeds(stage)
	for _, o := range p.Overrides {
		n := p.with(o).ownNeeds(stage)
		needs.Signatures = needs.Signatures || n.Signatures
		needs.Config = needs.Config || n.Config
		needs.Files = needs.Files || n.Files
		needs.SBOM = needs.SBOM || n.SBOM
		needs.Vulnerabilities = needs.Vulnerabilities || n.Vulnerabilities
	}
	return needs
}

func (p *Policy) ownNeeds(stage Stage) Needs {
	var needs Needs
	for _, r := range p.rules() {
		if !r.level(p).on() || !atStage(r.stages(p), stage) {
			continue
		}
		for _, step := range slices.Concat(r.steps, r.wanted) {
			switch step {
			case StepConfig:
				needs.Config = true
			case StepFiles:
				needs.Files = true
			case StepSBOM:
				needs.SBOM = true
			case StepVulnerabilities:
				needs.Vulnerabilities = true
			}
		}
	}
	if r := p.Config; atStage(r.Stages, stage) && (r.NonRoot.on() || r.NonRootGroup.on() || r.MaxUncompressed > 0 || len(r.KnownBases) > 0) {
		needs.Files = true // a name is looked up in the image's own passwd; layers are read to verify their diff ids
	}
	needs.Signatures = p.needsSignatures(stage)
	return needs
}

// needsSignatures is false without signers: nothing could be verified, and the
// rules know what to say.
func (p *Policy) needsSignatures(stage Stage) bool {
	asked := p.Signatures.Required.on() && atStage(p.Signatures.Stages, stage)
	asked = asked || p.attestedVEX(stage) || slices.ContainsFunc(p.rules(), func(r rule) bool {
		return r.signatures && r.level(p).on() && atStage(r.stages(p), stage)
	})
	inTagsPlace := p.Reference.Digest == DigestOrSigned && atStage(p.Reference.Stages, stage)
	return len(p.Signatures.Signers) > 0 && (asked || inTagsPlace)
}

// attestedVEX says whether VEX attestations count at a stage.
func (p *Policy) attestedVEX(stage Stage) bool {
	return len(p.VEX.Signers) > 0 && vulnerabilityLevel(p).on() && atStage(p.Vulnerabilities.Stages, stage)
}
