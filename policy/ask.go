package policy

import (
	"errors"
	"strings"

	"github.com/imagegate/imagegate/policy/expression"
)

// maxPolicyCost is what all conditions of a policy together may cost for one
// verdict: as many units as Kubernetes allows the conditions of one of its policies
// (RuntimeCELCostBudget of k8s.io/apiserver), ten times what it allows one of them.
const maxPolicyCost = 10_000_000

var errPolicyCost = errors.New("the conditions of the policy together cost too much for this image: make them simpler")

// ask evaluates a condition while the policy's budget lasts. What is asked after
// that has no answer, which is undecided and never a pass.
func (q *question) ask(condition *expression.Expression, facts map[string]any) (expression.Answer, error) {
	if q.spent >= maxPolicyCost {
		return expression.Answer{}, errPolicyCost
	}
	answer, err := condition.Eval(facts)
	q.spent += answer.Cost
	return answer, err
}

// words are what a messageExpression says on one line; empty where it says nothing,
// as in Kubernetes, or where facts that it names were not collected.
func (q *question) words(message *expression.Expression, facts map[string]any, p *Platform) string {
	if message == nil || q.spent >= maxPolicyCost || p != nil && missing(stepsOf(message.Paths()), p.Steps) != nil {
		return ""
	}
	text, cost, err := message.EvalText(facts)
	q.spent += cost
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return ""
	}
	return clean(strings.TrimSpace(text), maxError)
}

// saw writes what a condition looked at, for a finding.
func saw(facts []expression.Fact) string {
	const most = 5
	var parts []string
	for _, f := range facts[:min(most, len(facts))] {
		parts = append(parts, printable(f.Expression)+" is "+printable(f.Value))
	}
	return commaJoin(parts)
}
