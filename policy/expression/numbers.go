package expression

import (
	"errors"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// numbers are Kubernetes' functions of quantities and versions (quantity.go,
// semverlib.go).
func numbers() []cel.EnvOption { return slices.Concat(quantities(), versions()) }

func quantities() []cel.EnvOption {
	p := parser[*big.Rat]{types.NewOpaqueType("kubernetes.Quantity"), parseQuantity, func(a, b *big.Rat) bool { return a.Cmp(b) == 0 }}
	arithmetic := func(name string, of func(z, a, b *big.Rat) *big.Rat) []cel.EnvOption {
		return []cel.EnvOption{
			with(p, name, p.kind, p.kind, func(a, b *big.Rat) ref.Val { return p.value(of(new(big.Rat), a, b)) }),
			with(p, name, cel.IntType, p.kind, func(a *big.Rat, b int64) ref.Val { return p.value(of(new(big.Rat), a, new(big.Rat).SetInt64(b))) }),
		}
	}
	whole := func(q *big.Rat) bool { return q.IsInt() && q.Num().IsInt64() }
	return slices.Concat(p.declare("quantity", "isQuantity"), ordered(p, (*big.Rat).Cmp), arithmetic("add", (*big.Rat).Add), arithmetic("sub", (*big.Rat).Sub), []cel.EnvOption{
		p.method("sign", cel.IntType, func(q *big.Rat) ref.Val { return types.Int(q.Sign()) }),
		p.method("isInteger", cel.BoolType, func(q *big.Rat) ref.Val { return types.Bool(whole(q)) }),
		p.method("asInteger", cel.IntType, func(q *big.Rat) ref.Val {
			if !whole(q) {
				return types.NewErr("quantity: not a whole number that fits")
			}
			return types.Int(q.Num().Int64())
		}),
		p.method("asApproximateFloat", cel.DoubleType, func(q *big.Rat) ref.Val {
			f, _ := q.Float64()
			return types.Double(f)
		}),
	})
}

// quantity is a number, and a decimal exponent, or a decimal or binary suffix.
var quantity = regexp.MustCompile(`^([+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40}))(?:([eE][+-]?[0-9]{1,2})|([numkMGTPE]|[KMGTPE]i))?$`)

var errQuantity = errors.New("not a quantity: write 500Mi, 1.5G or 2e3")

func parseQuantity(text string) (*big.Rat, error) {
	m := quantity.FindStringSubmatch(text)
	if m == nil {
		return nil, errQuantity
	}
	number, ok := new(big.Rat).SetString(m[1] + m[2])
	if !ok {
		return nil, errQuantity
	}
	return number.Mul(number, unit(m[3])), nil
}

// unit is what a suffix stands for: powers of 1000, or of 1024 with an i.
func unit(suffix string) *big.Rat {
	base, power := int64(1000), slices.Index([]string{"n", "u", "m", "", "k", "M", "G", "T", "P", "E"}, suffix)-3
	if len(suffix) == 2 {
		base, power = 1024, slices.Index([]string{"Ki", "Mi", "Gi", "Ti", "Pi", "Ei"}, suffix)+1
	}
	value := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(base), big.NewInt(int64(max(power, -power))), nil))
	if power < 0 {
		return value.Inv(value)
	}
	return value
}

func versions() []cel.EnvOption {
	p := parser[*semver.Version]{types.NewOpaqueType("kubernetes.Semver"), parseVersion, (*semver.Version).Equal}
	part := func(name string, of func(semver.Version) uint64) cel.EnvOption {
		return p.method(name, cel.IntType, func(v *semver.Version) ref.Val { return types.Int(min(of(*v), 1<<62)) })
	}
	return slices.Concat(p.declare("semver", "isSemver"), normalized(p), ordered(p, (*semver.Version).Compare), []cel.EnvOption{
		part("major", semver.Version.Major), part("minor", semver.Version.Minor), part("patch", semver.Version.Patch),
	})
}

// normalized declares the second argument of semver and isSemver: true takes what
// people write too, v1.2 and 01.2.3.
func normalized(p parser[*semver.Version]) []cel.EnvOption {
	parse := func(text, tolerant ref.Val) (*semver.Version, error) {
		if tolerant == types.True {
			return parseVersion(normalize(string(text.(types.String))))
		}
		return parseVersion(string(text.(types.String)))
	}
	arguments := []*cel.Type{cel.StringType, cel.BoolType}
	return []cel.EnvOption{
		cel.Function("semver", cel.Overload("string_bool_to_semver", arguments, p.kind, cel.BinaryBinding(func(text, tolerant ref.Val) ref.Val {
			v, err := parse(text, tolerant)
			if err != nil {
				return types.NewErr("semver: %v", err)
			}
			return p.value(v)
		}))),
		cel.Function("isSemver", cel.Overload("is_semver_string_bool", arguments, cel.BoolType, cel.BinaryBinding(func(text, tolerant ref.Val) ref.Val {
			_, err := parse(text, tolerant)
			return types.Bool(err == nil)
		}))),
	}
}

// normalize takes a v and leading zeros off a version, and fills up numbers that are
// missing. A short version with a suffix (1.2-rc1) stays as it is, and is refused.
func normalize(text string) string {
	parts := strings.SplitN(strings.TrimPrefix(text, "v"), ".", 3)
	for i, part := range parts {
		trimmed := strings.TrimLeft(part, "0")
		if len(trimmed) < len(part) && (trimmed == "" || trimmed[0] < '0' || trimmed[0] > '9') {
			trimmed = "0" + trimmed
		}
		parts[i] = trimmed
	}
	for len(parts) < 3 && !strings.ContainsAny(parts[len(parts)-1], "+-") {
		parts = append(parts, "0")
	}
	return strings.Join(parts, ".")
}

// parseVersion is strict: 1.2.3, without a v and with all three numbers.
func parseVersion(text string) (*semver.Version, error) {
	const longest = 256
	if len(text) > longest {
		return nil, errors.New("too long for a version: " + strconv.Itoa(len(text)) + " bytes")
	}
	return semver.StrictNewVersion(text)
}
