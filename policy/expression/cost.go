package expression

import (
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// costs are what the functions of Kubernetes' library cost there (cost.go of
// k8s.io/apiserver): a tenth of a unit for each byte of text that is read, a unit
// for each element of a list. The other libraries state their own.
type costs struct{}

// CallCost is nil for functions that state their cost elsewhere.
func (costs) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	if len(args) == 0 {
		return nil
	}
	var cost uint64
	switch function {
	case "isSorted", "sum", "min", "max", "indexOf", "lastIndexOf", "includes":
		cost = traversal(args[0])
	case "find", "findAll":
		cost = pattern(args[0], size(args[1]))
	case "validate":
		f, ok := args[0].(parsed[format])
		if !ok {
			return nil
		}
		cost = pattern(args[1], f.value.weight)
	case "url", "isURL", "ip", "isIP", "cidr", "isCIDR", "quantity", "isQuantity", "semver", "isSemver",
		"lowerAscii", "upperAscii", "substring", "trim":
		cost = tenth(size(args[0]))
	case "ip.isCanonical", "replace", "split":
		cost = tenth(2 * size(args[0]))
	case "join":
		cost = tenth(2 * size(result))
	case "containsIP", "containsCIDR":
		cost = 5 + tenth(size(args[1]))
	default:
		return nil
	}
	return &cost
}

// pattern is the cost of a regular expression on text: about one for each four of
// its characters, on each ten bytes of the text.
func pattern(text ref.Val, length uint64) uint64 {
	return tenth(1+size(text)) * max(1, (length+3)/4)
}

// traversal is the cost of looking at everything in a value.
func traversal(v ref.Val) uint64 {
	switch v := v.(type) {
	case types.String:
		return tenth(size(v))
	case traits.Lister:
		var cost uint64
		for it := v.Iterator(); it.HasNext() == types.True; {
			cost += max(1, traversal(it.Next()))
		}
		return cost
	}
	return 1
}

func tenth(n uint64) uint64 { return (n + 9) / 10 }

// size is how long text or a list is; of anything else it is 1.
func size(v ref.Val) uint64 {
	if sizer, ok := v.(traits.Sizer); ok {
		if n, ok := sizer.Size().(types.Int); ok && n >= 0 {
			return uint64(n)
		}
	}
	return 1
}
