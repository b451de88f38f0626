package expression

import (
	"regexp"
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// kubernetes are the functions that Kubernetes adds (k8s.io/apiserver
// pkg/cel/library): those of lists and text here (lists.go, regex.go), the others
// in files of their own.
func kubernetes() cel.EnvOption {
	return cel.Lib(library{})
}

type library struct{}

// CompileOptions declare the functions.
func (library) CompileOptions() []cel.EnvOption {
	element := cel.TypeParamType("T")
	list := cel.ListType(element)
	return slices.Concat(addresses(), numbers(), formats(), []cel.EnvOption{
		cel.Function("find", cel.MemberOverload("string_find_string", []*cel.Type{cel.StringType, cel.StringType}, cel.StringType, cel.BinaryBinding(find))),
		cel.Function("findAll",
			cel.MemberOverload("string_find_all_string", []*cel.Type{cel.StringType, cel.StringType}, cel.ListType(cel.StringType),
				cel.BinaryBinding(func(text, pattern ref.Val) ref.Val { return findAll(text, pattern, types.Int(-1)) })),
			cel.MemberOverload("string_find_all_string_int", []*cel.Type{cel.StringType, cel.StringType, cel.IntType}, cel.ListType(cel.StringType),
				cel.FunctionBinding(func(args ...ref.Val) ref.Val { return findAll(args[0], args[1], args[2]) }))),
		cel.Function("isSorted", cel.MemberOverload("list_is_sorted", []*cel.Type{list}, cel.BoolType, cel.UnaryBinding(isSorted))),
		cel.Function("min", cel.MemberOverload("list_min", []*cel.Type{list}, element, cel.UnaryBinding(func(v ref.Val) ref.Val { return extreme(v, -1) }))),
		cel.Function("max", cel.MemberOverload("list_max", []*cel.Type{list}, element, cel.UnaryBinding(func(v ref.Val) ref.Val { return extreme(v, 1) }))),
		cel.Function("sum", sumOf(cel.IntType, types.Int(0)), sumOf(cel.UintType, types.Uint(0)), sumOf(cel.DoubleType, types.Double(0)),
			sumOf(cel.DurationType, types.Duration{})),
		cel.Function("indexOf", cel.MemberOverload("list_index_of", []*cel.Type{list, element}, cel.IntType, cel.BinaryBinding(func(v, wanted ref.Val) ref.Val {
			return indexOf(v, wanted, false)
		}))),
		cel.Function("lastIndexOf", cel.MemberOverload("list_last_index_of", []*cel.Type{list, element}, cel.IntType, cel.BinaryBinding(func(v, wanted ref.Val) ref.Val {
			return indexOf(v, wanted, true)
		}))),
		cel.Function("includes", cel.MemberOverload("list_includes_dyn_dyn", []*cel.Type{cel.DynType, cel.DynType}, cel.BoolType, cel.BinaryBinding(includes))),
	})
}

// ProgramOptions are none.
func (library) ProgramOptions() []cel.ProgramOption { return nil }

func find(text, pattern ref.Val) ref.Val {
	expression, err := regexp.Compile(string(pattern.(types.String)))
	if err != nil {
		return types.NewErr("not a regular expression: %v", err)
	}
	return types.String(expression.FindString(string(text.(types.String))))
}

func findAll(text, pattern, most ref.Val) ref.Val {
	expression, err := regexp.Compile(string(pattern.(types.String)))
	if err != nil {
		return types.NewErr("not a regular expression: %v", err)
	}
	found := expression.FindAllString(string(text.(types.String)), int(most.(types.Int)))
	return types.NewStringList(types.DefaultTypeAdapter, found)
}

func isSorted(v ref.Val) ref.Val {
	var last ref.Val
	for it := v.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		next := it.Next()
		if last != nil {
			order := compare(last, next)
			if types.IsError(order) {
				return order
			}
			if order == types.IntOne {
				return types.False
			}
		}
		last = next
	}
	return types.True
}

func compare(a, b ref.Val) ref.Val {
	comparer, ok := a.(traits.Comparer)
	if !ok {
		return types.MaybeNoSuchOverloadErr(a)
	}
	return comparer.Compare(b)
}

// extreme is the smallest element for -1, the largest for 1.
func extreme(v ref.Val, sign types.Int) ref.Val {
	var best ref.Val
	for it := v.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		next := it.Next()
		if best == nil {
			best = next
			continue
		}
		switch order := compare(next, best); {
		case types.IsError(order):
			return order
		case order == sign:
			best = next
		}
	}
	if best == nil {
		return types.NewErr("an empty list has no smallest and no largest element")
	}
	return best
}

func sumOf(element *cel.Type, zero ref.Val) cel.FunctionOpt {
	return cel.MemberOverload("list_"+element.TypeName()+"_sum", []*cel.Type{cel.ListType(element)}, element, cel.UnaryBinding(func(v ref.Val) ref.Val {
		sum := zero
		for it := v.(traits.Lister).Iterator(); it.HasNext() == types.True; {
			adder, ok := sum.(traits.Adder)
			if !ok {
				return sum // an error, such as an overflow
			}
			sum = adder.Add(it.Next())
		}
		return sum
	}))
}

func indexOf(v, wanted ref.Val, last bool) ref.Val {
	found := types.Int(-1)
	i := types.Int(0)
	for it := v.(traits.Lister).Iterator(); it.HasNext() == types.True; i++ {
		if it.Next().Equal(wanted) == types.True {
			if found = i; !last {
				return found
			}
		}
	}
	return found
}

// includes says whether a list has an element, or whether what is no list is equal
// to it.
func includes(v, wanted ref.Val) ref.Val {
	if list, ok := v.(traits.Lister); ok {
		return types.Bool(indexOf(list, wanted, false) != types.Int(-1))
	}
	return types.Bool(v.Equal(wanted) == types.True)
}
