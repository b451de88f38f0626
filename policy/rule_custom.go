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
	Message string `yaml:"message,omitempty"`
	// MessageExpression makes the message of the facts: CEL whose value is text, with
	// the variables of Expression. Message stands in for it where it has no answer.
	MessageExpression string `yaml:"messageExpression,omitempty"`

	Remedy string  `yaml:"remedy,omitempty"`
	Level  Level   `yaml:"level"` // default deny
	Stages []Stage `yaml:"stages,omitempty"`
}

// customPrefix begins the ids of rules that a policy defines.
const customPrefix = "rules."

// definedRules are those that the policy defines itself.
func (p *Policy) definedRules() []rule { return append(p.attestationRules(), p.customRules()...) }

func (p *Policy) customRules() []rule {
	var list []rule
	for _, custom := range p.Custom {
		condition := p.conditions[conditionKey{aboutImage, custom.Expression}]
		message := p.conditions[conditionKey{aboutMessage, custom.MessageExpression}]
		r := rule{
			RuleInfo: RuleInfo{customPrefix + custom.Name, custom.title(), []string{"rules"}, custom.why()},
			optional: true, exceptable: true,
			level:  func(*Policy) Level { return custom.Level },
			stages: func(*Policy) []Stage { return custom.Stages },
		}
		if condition == nil || message == nil && custom.MessageExpression != "" {
			r.subject = notCompiled
			list = append(list, r)
			continue
		}
		paths, worded := condition.Paths(), condition.Paths()
		if message != nil {
			worded = append(worded, message.Paths()...)
		}
		r.signatures = uses(paths, "signatures", "attestations")
		if uses(worded, "image") {
			r.steps, r.wanted = stepsOf(paths), stepsOf(worded)
			r.platform = func(q *question, p *Platform) []Finding {
				return q.judgeCustom(custom, condition, message, r.signatures, p)
			}
		} else {
			r.subject = func(q *question) []Finding { return q.judgeCustom(custom, condition, message, r.signatures, nil) }
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

func (c CustomRule) why() string {
	text := "The policy demands it: " + c.Expression
	if c.Remedy != "" {
		text += " To mend it: " + c.Remedy
	}
	return text
}

// judgeCustom asks a condition. Only a condition that is false fails; one that
// has no answer is undecided.
func (q *question) judgeCustom(c CustomRule, condition, message *expression.Expression, signatures bool, p *Platform) []Finding {
	if f := missing([]Step{StepResolve}, q.evidence.Steps); f != nil {
		return f
	}
	if f := q.unverified(); signatures && f != nil {
		return f
	}
	facts := q.facts(p)
	answer, err := q.ask(condition, facts)
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
		f.Outcome, f.Message, f.Remedy = Fail, q.complaint(c, message, facts, p, f.Actual), c.Remedy
	}
	return []Finding{f}
}

// complaint says that a condition does not hold: in the words that the policy makes
// of the facts, else in those that it has, with what the condition saw.
func (q *question) complaint(c CustomRule, message *expression.Expression, facts map[string]any, p *Platform, saw string) string {
	if made := q.words(message, facts, p); made != "" {
		return made
	}
	text := c.Message
	if text == "" {
		text = "does not hold: " + c.Expression
	}
	if saw != "" {
		text += " (" + saw + ")"
	}
	return text
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
