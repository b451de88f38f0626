package policy

import (
	"fmt"
	"slices"

	"github.com/imagegate/imagegate/policy/expression"
)

// AttestationRule demands an in-toto attestation: of the subject, or of every
// platform image that is judged. One that qualifies is enough, whatever others
// say.
type AttestationRule struct {
	// Name makes the rule's id: "attestations." and the name.
	Name string `yaml:"name"`
	// PredicateType is the statement's, exactly: https://slsa.dev/provenance/v1
	PredicateType string `yaml:"predicateType"`
	// Signers that count, by their names in signatures.signers; empty: all of them.
	Signers []string `yaml:"signers,omitempty"`
	// Expression over the predicate must be true; empty: any predicate will do. Its
	// variables are predicate, attestation, subject, stage and now.
	Expression string  `yaml:"expression,omitempty"`
	Message    string  `yaml:"message,omitempty"`
	Remedy     string  `yaml:"remedy,omitempty"`
	Level      Level   `yaml:"level"` // default deny
	Stages     []Stage `yaml:"stages,omitempty"`
}

// attestationPrefix begins the ids of rules about attestations.
const attestationPrefix = "attestations."

func (p *Policy) attestationRules() []rule {
	var list []rule
	for _, a := range p.Attestations {
		r := rule{
			RuleInfo: RuleInfo{attestationPrefix + a.Name, "There is an attestation of type " + a.PredicateType, []string{"attestations", "signatures.signers"},
				"An attestation says how an image was made and looked at, by somebody who answers for it."},
			optional: true, exceptable: true, signatures: true,
			level:  func(*Policy) Level { return a.Level },
			stages: func(*Policy) []Stage { return a.Stages },
		}
		condition := p.conditions[conditionKey{aboutPredicate, a.Expression}]
		if a.Expression != "" && condition == nil {
			r.subject = notCompiled
		} else {
			r.subject = func(q *question) []Finding { return []Finding{q.hasAttestation(a, condition)} }
		}
		list = append(list, r)
	}
	return list
}

// hasAttestation looks at the subject first, then at every platform image.
func (q *question) hasAttestation(a AttestationRule, condition *expression.Expression) Finding {
	if f := missing([]Step{StepResolve}, q.evidence.Steps); f != nil {
		return f[0]
	}
	if len(q.policy.Signatures.Signers) == 0 {
		return noSigner()
	}
	status := q.evidence.Steps[StepSignatures]
	if status.State == NotRun {
		return notJudged(StepSignatures, status)
	}
	subject := q.attestedDigest(a, condition, q.evidence.Digest)
	if subject.by != "" {
		return Finding{Outcome: Pass, Message: "the " + q.subjectWord() + " has " + a.what() + " by " + printable(subject.by)}
	}
	platforms := subject
	for _, p := range q.platforms {
		if platforms = q.attestedDigest(a, condition, p.Digest); platforms.by == "" {
			break
		}
	}
	if platforms.by != "" {
		return Finding{Outcome: Pass, Message: "every platform image has " + a.what() + " by " + printable(platforms.by)}
	}
	return q.notAttested(a, subject.or(platforms), status)
}

// attestedBy is what was found of one digest: by whom, or why not.
type attestedBy struct {
	by      string
	seen    int    // attestations of the type and by the signers that the rule names
	saw     string // what the condition looked at in the last of them
	unknown error  // why the condition could not be asked
}

func (x attestedBy) or(y attestedBy) attestedBy {
	if x.seen > 0 || x.unknown != nil {
		return x
	}
	return y
}

func (q *question) attestedDigest(a AttestationRule, condition *expression.Expression, digest string) attestedBy {
	var found attestedBy
	for _, attestation := range q.evidence.Attestations {
		if attestation.PredicateType != a.PredicateType || attestation.SubjectDigest != digest || !q.counts(a.Signers, attestation.Signer) {
			continue
		}
		found.seen++
		if condition == nil {
			found.by = attestation.Signer
			return found
		}
		facts := factsOf(attestation)
		answer, err := q.ask(condition, map[string]any{
			"predicate": facts.Predicate, "attestation": facts, "subject": q.subjectFacts(), "stage": string(q.stage), "now": q.now,
		})
		switch {
		case err != nil:
			found.unknown = err
		case answer.True:
			found.by = attestation.Signer
			return found
		default:
			found.saw = saw(answer.Saw)
		}
	}
	return found
}

// counts says whether a signer is one that the policy names, and the rule.
func (q *question) counts(named []string, signer string) bool {
	return slices.ContainsFunc(q.policy.Signatures.Signers, func(s Signer) bool { return s.Name == signer }) &&
		(len(named) == 0 || slices.Contains(named, signer))
}

func (a AttestationRule) what() string { return "an attestation of type " + printable(a.PredicateType) }

// notAttested fails only where everything was read and every condition had an
// answer.
func (q *question) notAttested(a AttestationRule, found attestedBy, status Status) Finding {
	f := Finding{Outcome: Undecided, Expected: a.what(), Actual: plural(found.seen, "such attestation"), Remedy: a.Remedy}
	if a.Expression != "" {
		f.Expected += " with " + a.Expression
	}
	switch {
	case status.State != Done:
		undecided := notJudged(StepSignatures, status)
		undecided.Expected, undecided.Actual = f.Expected, f.Actual
		return undecided
	case len(q.platforms) == 0:
		f.Message = "could not be judged: the platform images are not known, and they may be what is attested"
		return f
	case q.unread():
		f.Message = "could not be judged: an attachment could not be read, and it may be the attestation" + q.rejections()
		return f
	case found.unknown != nil:
		f.Message = "could not be judged: " + clean(found.unknown.Error(), maxError)
		return f
	}
	f.Outcome, f.Message = Fail, a.Message
	if f.Message == "" {
		f.Message = fmt.Sprintf("the %s has no attestation of type %s that counts", q.subjectWord(), a.PredicateType)
	}
	if found.saw != "" {
		f.Message += " (" + found.saw + ")"
	}
	if f.Remedy == "" {
		f.Remedy = "attest it: cosign attest --type " + a.PredicateType + " --predicate FILE " + signable(q.evidence)
	}
	return f
}
