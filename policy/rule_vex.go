package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/imagegate/imagegate/policy/vex"
	"github.com/imagegate/imagegate/sbom"
)

// statement is what somebody says about vulnerabilities, and who.
type statement struct {
	vex.Statement
	by string
}

// vexPredicates begin the predicate types of attestations whose predicate is an
// OpenVEX document, or a CSAF one (by the address of its schema).
var vexPredicates = []string{"https://openvex.dev/ns", "https://docs.oasis-open.org/csaf/csaf/"}

func isVEX(predicateType string) bool {
	return slices.ContainsFunc(vexPredicates, func(prefix string) bool { return strings.HasPrefix(predicateType, prefix) })
}

// readVEX parses the documents whose content is known, for the policy and all its
// overrides. report is told which of them cannot be read.
func (p *Policy) readVEX(report reporter) {
	p.statements = nil
	for i, d := range p.VEX.Documents {
		if d.Data == "" {
			continue
		}
		document, err := vex.Parse([]byte(d.Data))
		if err != nil {
			report(fmt.Sprintf("vex.documents[%d].data", i), "%s", clean(err.Error(), maxError))
			continue
		}
		p.statements = append(p.statements, statementsOf(document, "")...)
	}
}

func statementsOf(d *vex.Document, signer string) []statement {
	by := printable(d.Author)
	if d.ID != "" {
		by += " (" + printable(d.ID) + ")"
	}
	if signer != "" {
		by = printable(signer) + ", in an attestation"
	}
	list := make([]statement, len(d.Statements))
	for i, s := range d.Statements {
		list[i] = statement{s, by}
	}
	return list
}

// accept turns a finding about a vulnerability into a pass where a VEX statement
// says that this image is not affected or fixed. Of several the latest counts; of
// those of one moment, the worst. Where attestations might say so and not all
// could be read, a failure is undecided.
func (q *question) accept(f Finding, v sbom.Vulnerability, p *Platform) Finding {
	if f.Outcome == Pass {
		return f
	}
	last := q.lastStatement(v, p)
	switch {
	case last != nil && (last.Status == vex.NotAffected || last.Status == vex.Fixed):
		f.Outcome, f.Remedy = Pass, ""
		f.Message += "; " + strings.ReplaceAll(string(last.Status), "_", " ") + ", says " + last.by
		if last.Reason != "" {
			f.Message += ": " + clean(last.Reason, maxError)
		}
	case f.Outcome == Fail && q.attestedVEXUnknown():
		f.Outcome = Undecided
		f.Message += "; a VEX attestation may accept it, but not every attachment could be verified"
		f.Remedy = "try again; " + f.Remedy
	}
	return f
}

// attestedVEXUnknown says whether an attestation that counts may be missing.
func (q *question) attestedVEXUnknown() bool {
	return len(q.policy.VEX.Signers) > 0 && len(q.policy.Signatures.Signers) > 0 &&
		(q.evidence.Steps[StepSignatures].State != Done || q.unread())
}

func (q *question) lastStatement(v sbom.Vulnerability, p *Platform) *statement {
	image := vex.Image{Digests: []string{q.evidence.Digest, p.Digest}, CPE: p.Distribution.CPE}
	if r := q.evidence.Reference; r.Registry != "" {
		image.Repository = r.Registry + "/" + r.Repository
	}
	ids := append([]string{v.ID}, v.Aliases...)
	var last *statement
	for _, s := range slices.Concat(q.policy.statements, q.attestedStatements(p)) {
		accepts := s.Status == vex.NotAffected || s.Status == vex.Fixed
		if !s.About(ids, image, v.PURL) || accepts && s.Time.After(q.now) {
			continue // what is said in the future is not said yet
		}
		if last == nil || s.Time.After(last.Time) || s.Time.Equal(last.Time) && helpfulness(s.Status) < helpfulness(last.Status) {
			last = &s
		}
	}
	return last
}

// helpfulness orders statuses from the one that helps an image least.
func helpfulness(s vex.Status) int {
	return slices.Index([]vex.Status{vex.Affected, vex.UnderInvestigation, vex.Fixed, vex.NotAffected}, s)
}

// attestedStatements are those of attestations of this image by signers whose
// word counts. One that cannot be read says nothing.
func (q *question) attestedStatements(p *Platform) []statement {
	if len(q.policy.VEX.Signers) == 0 {
		return nil
	}
	if q.attested[p] == nil {
		list := []statement{}
		for _, a := range q.evidence.Attestations {
			about := a.SubjectDigest == q.evidence.Digest || a.SubjectDigest == p.Digest
			if !about || !isVEX(a.PredicateType) || !q.counts(q.policy.VEX.Signers, a.Signer) {
				continue
			}
			if document, err := vex.Parse(a.Predicate); err == nil {
				list = append(list, statementsOf(document, a.Signer)...)
			}
		}
		q.attested[p] = list
	}
	return q.attested[p]
}
