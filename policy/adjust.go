package policy

import (
	"fmt"
	"slices"
)

// Adjustment is what a command line says over a policy. It is part of the
// adjusted policy's hash, as if the document had said it.
type Adjustment struct {
	// Signers replace the policy's, as a list replaces a list, and make a
	// signature required at every stage.
	Signers []Signer
	// TrustRoot replaces the policy's.
	TrustRoot *TrustRoot
	// OptionalLog accepts signatures that are in no transparency log.
	OptionalLog bool
	// SkipSignatures switches the signature rule off, and accepts tags that nobody
	// signed. It is the command line's --insecure-skip-signatures.
	SkipSignatures bool
	// Platforms replace the policy's.
	Platforms []string
}

// Adjust lays an adjustment over the policy. The error is an *Error, as of Parse:
// the result must be a policy that could have been written.
func (p *Policy) Adjust(a Adjustment) (*Policy, error) {
	adjusted := p.clone()
	if len(a.Signers) > 0 {
		adjusted.Signatures.Signers = slices.Clone(a.Signers)
		adjusted.Signatures.Required = LevelDeny
		adjusted.Signatures.Stages = nil
		adjusted.dropFromOverrides("signatures")
	}
	if a.TrustRoot != nil {
		adjusted.Signatures.TrustRoot = a.TrustRoot
	}
	if a.OptionalLog {
		adjusted.Signatures.TransparencyLog = LogOptional
	}
	if len(a.Platforms) > 0 {
		adjusted.Platforms = slices.Clone(a.Platforms)
		adjusted.dropFromOverrides("platforms")
	}
	if a.SkipSignatures {
		adjusted.skipSignatures()
	}
	return adjusted.checked()
}

// skipSignatures switches the signature rule off, and accepts tags that nobody
// signed. Nothing then says who made an image.
func (p *Policy) skipSignatures() {
	p.Signatures.Required = LevelAllow
	p.Signatures.Signers = nil
	if p.Reference.Digest == DigestOrSigned {
		p.Reference.Digest = DigestAny
	}
	p.Attestations, p.VEX.Signers = nil, nil
	p.dropFromOverrides("signatures")
	p.dropFromOverrides("attestations")
	p.dropFromOverrides("vex")
}

// dropFromOverrides makes a section the same for every subject: a flag is said
// over the whole policy. An override that sets nothing else goes.
func (p *Policy) dropFromOverrides(section string) {
	var kept []Override
	for _, o := range p.Overrides {
		if o = o.without(section); len(o.sets.Content) > 0 {
			kept = append(kept, o)
		}
	}
	p.Overrides = kept
}

// checked validates a policy that was changed after it was parsed.
func (p *Policy) checked() (*Policy, error) {
	var problems []Problem
	validate(p, func(field, format string, args ...any) {
		problems = append(problems, Problem{File: "with the flags of the command line", Field: field, Message: fmt.Sprintf(format, args...)})
	})
	if len(problems) > 0 {
		return nil, newError(problems)
	}
	return p, nil
}

// Nothing is the policy that judges nothing, on these platforms or all: for
// whoever wants the facts and no verdict.
func Nothing(platforms ...string) *Policy {
	p := nothing()
	p.Metadata.Name = "nothing"
	if len(platforms) > 0 {
		p.Platforms = platforms
	}
	p.complete()
	return p
}
