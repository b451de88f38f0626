package policy

import (
	"slices"
	"time"
)

// SignaturesSuffice says whether the signatures and attestations in the evidence are
// all that the policy wants, so that no others need be looked for: every rule about
// them passes, and would with more of them.
//
// That cannot be said where a rule of the policy's own looks at them, or where VEX
// attestations count: what one more would change nobody can tell.
func (p *Policy) SignaturesSuffice(e Evidence, stage Stage, now time.Time) bool {
	p = p.For(e.Reference, p.namespace)
	if p.attestedVEX(stage) {
		return false // a later statement can take back what an earlier one accepted
	}
	about := map[string]bool{RuleSignature: true, RuleDigest: true}
	for _, r := range p.customRules() {
		if r.signatures && r.level(p).on() && atStage(r.stages(p), stage) {
			return false
		}
	}
	for _, r := range p.attestationRules() {
		about[r.ID] = true
	}
	return !slices.ContainsFunc(p.Evaluate(e, stage, now).Findings, func(f Finding) bool {
		return about[f.Rule] && f.Outcome != Pass && f.Outcome != Skipped
	})
}
