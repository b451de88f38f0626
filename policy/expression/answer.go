package expression

import (
	"errors"
	"slices"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
)

// Answer is what an expression says of some facts.
type Answer struct {
	True bool
	// Saw are the facts that it looked at.
	Saw []Fact
	// Cost is what finding out has cost, in CEL's units of cost. Whoever asks many
	// questions adds it up.
	Cost uint64
}

// Fact is a part of an expression and its value, both as text. The value can
// come from an image: it is hostile.
type Fact struct{ Expression, Value string }

var errCost = errors.New("finding out costs too much: make the expression simpler")

// Eval answers by facts: a value for each declared variable. The error says that
// there is no answer: a fact is missing, or finding out costs too much.
func (e *Expression) Eval(facts map[string]any) (Answer, error) {
	value, cost, err := e.run(facts)
	answer := Answer{Cost: cost}
	if errors.Is(err, errCost) {
		return answer, err
	}
	answer.Saw = e.saw(facts)
	if err != nil {
		return answer, err
	}
	truth, ok := value.Value().(bool)
	if !ok {
		return answer, errors.New("the expression is neither true nor false")
	}
	answer.True = truth
	return answer, nil
}

// EvalText is the value of an expression of CompileText, and its cost. The text
// can come from an image: it is hostile.
func (e *Expression) EvalText(facts map[string]any) (string, uint64, error) {
	value, cost, err := e.run(facts)
	if err != nil {
		return "", cost, err
	}
	text, ok := value.Value().(string)
	if !ok {
		return "", cost, errors.New("the expression is not text")
	}
	return text, cost, nil
}

// run evaluates within the limit of cost. What was cancelled has cost all of it.
func (e *Expression) run(facts map[string]any) (ref.Val, uint64, error) {
	value, details, err := e.decide.Eval(facts)
	if errors.As(err, new(interpreter.EvalCancelledError)) {
		return nil, maxCost, errCost
	}
	cost := uint64(maxCost)
	if details != nil && details.ActualCost() != nil {
		cost = *details.ActualCost()
	}
	return value, cost, err
}

// saw are the values of the parts that were looked at.
func (e *Expression) saw(facts map[string]any) []Fact {
	_, details, _ := e.trace.Eval(facts) // what decide could not answer, this cannot either
	if details == nil || details.State() == nil {
		return nil
	}
	// The element that decided says more than the list it is in.
	parts := slices.Clone(e.seen)
	slices.SortStableFunc(parts, func(a, b shown) int { return min(1, int(b.within)) - min(1, int(a.within)) })
	var seen []Fact
	for _, s := range parts {
		v, ok := details.State().Value(s.id)
		if !ok || !s.decided(details.State()) {
			continue
		}
		text, ok := textOf(v)
		if fact := (Fact{s.text, text}); ok && !slices.Contains(seen, fact) {
			seen = append(seen, fact)
		}
	}
	return seen
}

// decided is true of parts outside of loops, and of those of a loop that stopped at
// the element which it saw last.
func (s shown) decided(state interpreter.EvalState) bool {
	if s.within == 0 {
		return true
	}
	value, ok := state.Value(s.within)
	return ok && value == types.Bool(s.ends)
}
