package policy

import (
	"github.com/imagegate/imagegate/policy/expression"
)

// CustomRule is a condition on the evidence in CEL, the language of Kubernetes'
// own admission policies. A condition that names `image` is asked of each
// platform image, any other once of the subject. It must be true; a fact that is
// missing makes it undecided.
type CustomRule struct {
	// Name makes the rule's id: "rules." and the name.
	Name string `yaml:"name"`
	// Expression has the variables image, subject, signatures, attestations, stage
	// and now.
	Expression string `yaml:"expression"`
	// Message says what is wrong where the expression is false, Remedy what to do.
	Message string  `yaml:"message,omitempty"`
	Remedy  string  `yaml:"remedy,omitempty"`
	Level   Level   `yaml:"level"` // default deny
	Stages  []Stage `yaml:"stages,omitempty"`
}

// customPrefix begins the ids of rules that a policy defines.
const customPrefix = "rules."

// definedRules are those that the policy defines itself.
func (p *Policy) definedRules() []rule { return append(p.attestationRules(), p.customRules()...) }

func (p *Policy) customRules() []rule {
	var list []rule
	for _, custom := range p.Custom {
		condition := p.conditions[conditionKey{aboutImage, custom.Expression}]
		r := rule{
			RuleInfo: RuleInfo{customPrefix + custom.Name, custom.title(), []string{"rules"},
				"The policy demands it: " + custom.Expression},
			optional: true, exceptable: true,
			level:  func(*Policy) Level { return custom.Level },
			stages: func(*Policy) []Stage { return custom.Stages },
		}
		if condition == nil {
			r.subject = notCompiled
			list = append(list, r)
			continue
		}
		paths := condition.Paths()
		r.signatures = uses(paths, "signatures", "attestations")
		if uses(paths, "image") {
			r.steps = stepsOf(paths)
			r.platform = func(q *question, p *Platform) []Finding { return q.judgeCustom(custom, condition, r.signatures, p) }
		} else {
			r.subject = func(q *question) []Finding { return q.judgeCustom(custom, condition, r.signatures, nil) }
		}
		list = append(list, r)
	}
	return list
}

func notCompiled(*question) []Finding {
	return []Finding{{Outcome: Undecided, Message: "could not be judged: the policy was not made by Parse"}}
}

func (c CustomRule) title() string {
	if c.Message != "" {
		return c.Message
	}
	return c.Expression
}

// judgeCustom asks a condition. Only a condition that is false fails; one that
// has no answer is undecided.
func (q *question) judgeCustom(c CustomRule, condition *expression.Expression, signatures bool, p *Platform) []Finding {
	if f := missing([]Step{StepResolve}, q.evidence.Steps); f != nil {
		return f
	}
	if f := q.unverified(); signatures && f != nil {
		return f
	}
	answer, err := condition.Eval(q.facts(p))
	f := Finding{Expected: c.Expression, Actual: saw(answer.Saw)}
	switch {
	case err != nil:
		f.Outcome, f.Message = Undecided, "could not be judged: "+clean(err.Error(), maxError)
		f.Remedy = "ask whether a fact is there before using it: has(image.config.uid), 'team' in image.labels"
	case answer.True:
		f.Outcome, f.Message = Pass, "holds: "+c.title()
	case signatures && q.unread():
		f.Outcome, f.Message = Undecided, "could not be judged: an attachment could not be read, and it may be what the rule asks for"
	default:
		f.Outcome, f.Message, f.Remedy = Fail, c.Message, c.Remedy
		if f.Message == "" {
			f.Message = "does not hold: " + c.Expression
		}
		if f.Actual != "" {
			f.Message += " (" + f.Actual + ")"
		}
	}
	return []Finding{f}
}

// unverified is the answer of a rule about signatures where none were verified.
func (q *question) unverified() []Finding {
	if len(q.policy.Signatures.Signers) == 0 {
		f := noSigner()
		f.Outcome = Undecided
		return []Finding{f}
	}
	return missing([]Step{StepSignatures}, q.evidence.Steps)
}
