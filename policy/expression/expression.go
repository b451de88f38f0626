package expression

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
)

// Expression is a condition that was compiled and checked. It is safe for
// concurrent use.
type Expression struct {
	source string
	// decide has its cost limited. trace remembers the values of parts, and limits
	// nothing: cel-go counts no cost while it remembers. It is run only after decide
	// has come to an end with the same facts.
	decide, trace cel.Program
	paths         []string
	seen          []shown
}

// shown is a part of an expression whose value explains an answer.
type shown struct {
	id   int64
	text string
	// within is the loop that it is a part of, and ends the loop's value that made it
	// stop: the last element is then the one that decided. Zero outside of loops.
	within int64
	ends   bool
}

// Problem is a mistake in an expression. Line and Column count from 1.
type Problem struct {
	Line, Column int
	Message      string
}

// Error is everything that is wrong with an expression.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Message)
	}
	return strings.Join(lines, "\n")
}

// Compile checks a condition. The error is an *Error.
func (l *Language) Compile(source string) (*Expression, error) {
	return l.compile(source, cel.BoolType, "true or false")
}

// CompileText checks an expression whose value is text, for EvalText. The error is
// an *Error.
func (l *Language) CompileText(source string) (*Expression, error) {
	return l.compile(source, cel.StringType, "text")
}

func (l *Language) compile(source string, kind *cel.Type, called string) (*Expression, error) {
	checked, issues := l.env.Compile(source)
	if issues.Err() != nil {
		return nil, asError(issues)
	}
	if checked.OutputType() != kind && checked.OutputType() != cel.DynType {
		return nil, &Error{[]Problem{{1, 1, "must be " + called + ", but is of type " + checked.OutputType().String()}}}
	}
	decide, err := l.env.Program(checked, cel.CostLimit(maxCost), cel.CostTracking(costs{}))
	if err != nil {
		return nil, &Error{[]Problem{{1, 1, err.Error()}}}
	}
	trace, err := l.env.Program(checked, cel.EvalOptions(cel.OptTrackState))
	if err != nil {
		return nil, &Error{[]Problem{{1, 1, err.Error()}}}
	}
	tree := checked.NativeRep()
	e := &Expression{source: source, decide: decide, trace: trace}
	e.look(tree.Expr(), tree.SourceInfo(), nil)
	return e, nil
}

func asError(issues *cel.Issues) *Error {
	e := &Error{}
	for _, issue := range issues.Errors() {
		// The container is a notion of languages with packages: ours has none.
		message := strings.ReplaceAll(issue.Message, " (in container '')", "")
		e.Problems = append(e.Problems, Problem{issue.Location.Line(), issue.Location.Column() + 1, message})
	}
	return e
}

// String is the source.
func (e *Expression) String() string { return e.source }

// Paths are what the expression looks at, as far as names lead: "image.config.uid".
// A variable that is used as a whole is its name alone.
func (e *Expression) Paths() []string { return slices.Clone(e.paths) }

// look collects paths, and the outermost parts that name facts. bound are the
// variables of comprehensions around it: they have no one value to show.
func (e *Expression) look(x ast.Expr, info *ast.SourceInfo, bound []string) {
	if path, ok := pathOf(x); ok {
		if !slices.Contains(bound, path[0]) && !strings.HasPrefix(path[0], "@") {
			e.addPath(strings.Join(path, "."))
			e.show(x, info)
		}
		return
	}
	switch x.Kind() {
	case ast.SelectKind:
		e.look(x.AsSelect().Operand(), info, bound)
	case ast.CallKind:
		call := x.AsCall()
		if call.FunctionName() == operators.Index && len(bound) == 0 {
			e.show(x, info)
		}
		if call.IsMemberFunction() {
			e.look(call.Target(), info, bound)
		}
		for _, argument := range call.Args() {
			e.look(argument, info, bound)
		}
	case ast.ListKind:
		for _, element := range x.AsList().Elements() {
			e.look(element, info, bound)
		}
	case ast.MapKind:
		for _, entry := range x.AsMap().Entries() {
			e.look(entry.AsMapEntry().Key(), info, bound)
			e.look(entry.AsMapEntry().Value(), info, bound)
		}
	case ast.ComprehensionKind:
		c := x.AsComprehension()
		e.look(c.IterRange(), info, bound)
		e.look(c.AccuInit(), info, bound)
		if start, ok := truth(c.AccuInit()); ok && len(bound) == 0 {
			e.lookForDecider(c.LoopStep(), info, c.IterVar(), shown{within: x.ID(), ends: !start})
		}
		inner := append(slices.Clone(bound), c.IterVar(), c.IterVar2(), c.AccuVar())
		for _, part := range []ast.Expr{c.LoopCondition(), c.LoopStep(), c.Result()} {
			e.look(part, info, inner)
		}
	default: // literals, and structs, which cannot be made
	}
}

// lookForDecider collects the parts of a loop's step that name facts of its element.
// all() stops at the first element that is false, exists() at the first that is true.
func (e *Expression) lookForDecider(step ast.Expr, info *ast.SourceInfo, element string, loop shown) {
	if path, ok := pathOf(step); ok {
		if text, err := cel.ExprToString(step, info); err == nil && path[0] == element {
			loop.id, loop.text = step.ID(), text
			e.seen = append(e.seen, loop)
		}
		return
	}
	switch step.Kind() {
	case ast.SelectKind:
		e.lookForDecider(step.AsSelect().Operand(), info, element, loop)
	case ast.CallKind:
		call := step.AsCall()
		if call.IsMemberFunction() {
			e.lookForDecider(call.Target(), info, element, loop)
		}
		for _, argument := range call.Args() {
			e.lookForDecider(argument, info, element, loop)
		}
	default: // loops in loops have no one element that decided
	}
}

// truth is the value of a literal that is true or false.
func truth(x ast.Expr) (value, ok bool) {
	if x.Kind() != ast.LiteralKind {
		return false, false
	}
	value, ok = x.AsLiteral().Value().(bool)
	return value, ok
}

func (e *Expression) addPath(path string) {
	if !slices.Contains(e.paths, path) {
		e.paths = append(e.paths, path)
	}
}

func (e *Expression) show(x ast.Expr, info *ast.SourceInfo) {
	text, err := cel.ExprToString(x, info)
	if err == nil && !slices.ContainsFunc(e.seen, func(s shown) bool { return s.text == text }) {
		e.seen = append(e.seen, shown{id: x.ID(), text: text})
	}
}

// pathOf is a chain of names, from its variable on.
func pathOf(x ast.Expr) ([]string, bool) {
	switch x.Kind() {
	case ast.IdentKind:
		return []string{x.AsIdent()}, true
	case ast.SelectKind:
		path, ok := pathOf(x.AsSelect().Operand())
		return append(path, x.AsSelect().FieldName()), ok
	}
	return nil, false
}
