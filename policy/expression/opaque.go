package expression

import (
	"fmt"
	"reflect"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// parsed is a value that text was parsed into, with methods of its own: a URL, an
// address, a quantity, a version.
type parsed[T any] struct {
	kind  *types.Type
	value T
	equal func(a, b T) bool
}

// ConvertToNative gives the Go value to whoever asks for its type.
func (p parsed[T]) ConvertToNative(to reflect.Type) (any, error) {
	if reflect.TypeFor[T]() == to {
		return p.value, nil
	}
	return nil, fmt.Errorf("%s is no %s", p.kind, to)
}

// ConvertToType knows the value's own type, and text where there is one.
func (p parsed[T]) ConvertToType(to ref.Type) ref.Val {
	switch to.TypeName() {
	case types.TypeType.TypeName():
		return p.kind
	case p.kind.TypeName():
		return p
	case types.StringType.TypeName():
		if s, ok := any(p.value).(fmt.Stringer); ok {
			return types.String(s.String())
		}
	}
	return types.NewErr("%s is no %s", p.kind, to.TypeName())
}

// Equal compares what was parsed, not the text.
func (p parsed[T]) Equal(other ref.Val) ref.Val {
	that, ok := other.(parsed[T])
	return types.Bool(ok && p.equal(p.value, that.value))
}

// Type is the value's own.
func (p parsed[T]) Type() ref.Type { return p.kind }

// Value is the Go value.
func (p parsed[T]) Value() any { return p.value }

// parser declares how text becomes such a value: NAME(text), which is an error
// where it cannot, and isNAME(text).
type parser[T any] struct {
	kind  *types.Type
	parse func(string) (T, error)
	equal func(a, b T) bool
}

func (p parser[T]) value(v T) ref.Val { return parsed[T]{p.kind, v, p.equal} }

func (p parser[T]) declare(name, is string) []cel.EnvOption {
	return []cel.EnvOption{
		cel.Function(name, cel.Overload("string_to_"+name, []*cel.Type{cel.StringType}, p.kind, cel.UnaryBinding(func(v ref.Val) ref.Val {
			value, err := p.parse(string(v.(types.String)))
			if err != nil {
				return types.NewErr("%s: %v", name, err)
			}
			return p.value(value)
		}))),
		cel.Function(is, cel.Overload("is_"+name+"_string", []*cel.Type{cel.StringType}, cel.BoolType, cel.UnaryBinding(func(v ref.Val) ref.Val {
			_, err := p.parse(string(v.(types.String)))
			return types.Bool(err == nil)
		}))),
	}
}

// method declares a function of such a value without arguments.
func (p parser[T]) method(name string, result *cel.Type, of func(T) ref.Val) cel.EnvOption {
	return cel.Function(name, cel.MemberOverload(p.kind.TypeName()+"_"+name, []*cel.Type{p.kind}, result, cel.UnaryBinding(func(v ref.Val) ref.Val {
		return of(v.(parsed[T]).value)
	})))
}

// with declares a function of such a value and another value.
func with[T, U any](p parser[T], name string, argument *cel.Type, result *cel.Type, of func(T, U) ref.Val) cel.EnvOption {
	id := p.kind.TypeName() + "_" + name + "_" + argument.TypeName()
	return cel.Function(name, cel.MemberOverload(id, []*cel.Type{p.kind, argument}, result, cel.BinaryBinding(func(v, w ref.Val) ref.Val {
		other, ok := w.Value().(U)
		if !ok {
			return types.MaybeNoSuchOverloadErr(w)
		}
		return of(v.(parsed[T]).value, other)
	})))
}

// ordered declares comparisons.
func ordered[T any](p parser[T], compare func(a, b T) int) []cel.EnvOption {
	return []cel.EnvOption{
		with(p, "compareTo", p.kind, cel.IntType, func(a, b T) ref.Val { return types.Int(compare(a, b)) }),
		with(p, "isLessThan", p.kind, cel.BoolType, func(a, b T) ref.Val { return types.Bool(compare(a, b) < 0) }),
		with(p, "isGreaterThan", p.kind, cel.BoolType, func(a, b T) ref.Val { return types.Bool(compare(a, b) > 0) }),
	}
}
