package expression

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
)

// Bounds of an expression. The cost is what Kubernetes allows for one
// (PerCallLimit), and about a third of a second.
const (
	maxBytes   = 16 << 10
	maxNesting = 100
	maxCost    = 1_000_000
	maxRange   = 10_000
)

// Language is CEL with declared variables. It is safe for concurrent use.
type Language struct {
	env       *cel.Env
	types     *declared
	variables []string
}

// New declares variables by values of their types: structs by the names in their
// `json` tags, lists, maps with string keys, text, numbers, truth values and
// times. A variable or field of type any is one that is checked only when it is
// evaluated.
func New(variables map[string]any) (*Language, error) {
	types := newDeclared()
	options := []cel.EnvOption{
		cel.CustomTypeProvider(types),
		cel.CustomTypeAdapter(types),
		cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true),
		cel.EagerlyValidateDeclarations(true),
		cel.ParserExpressionSizeLimit(maxBytes),
		cel.ParserRecursionLimit(maxNesting),
		cel.OptionalTypes(),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals()),
		ext.Strings(ext.StringsValidateFormatCalls(true)), ext.Lists(ext.ListsMaxRangeSize(maxRange)), ext.Sets(), ext.Math(), ext.Regex(),
		ext.TwoVarComprehensions(),
		kubernetes(),
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		t, err := types.declare(reflect.TypeOf(variables[name]))
		if err != nil {
			return nil, fmt.Errorf("declaring %s: %w", name, err)
		}
		options = append(options, cel.Variable(name, t))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("making the expression language: %w", err)
	}
	return &Language{env: env, types: types, variables: slices.Collect(maps.Keys(variables))}, nil
}

// Names are the variables and the fields that the language knows, sorted.
func (l *Language) Names() []string {
	names := slices.Clone(l.variables)
	for name := range l.types.structs {
		fields, _ := l.types.FindStructFieldNames(name)
		names = append(names, fields...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
