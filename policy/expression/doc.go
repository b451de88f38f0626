// Package expression evaluates conditions that somebody else wrote: CEL, the
// Common Expression Language, as in Kubernetes' own admission policies, over
// plain Go values whose types are declared.
//
//	language, err := expression.New(map[string]any{"image": Image{}})
//	condition, err := language.Compile("image.labels['team'] != ''")
//	answer, err := condition.Eval(map[string]any{"image": image})
//
// Declared types make a typing error an error at load, with its line and column.
// A condition is bounded in its length and nesting when it is compiled and in
// its cost when it is evaluated. A fact that is not there (a nil pointer, a key
// that a map does not have) is an error and never zero: `has(x)` or `'k' in m`
// asks first.
//
// The functions are those of CEL's standard library with optional types and the
// extensions strings, lists, sets, math, regex and two-variable comprehensions,
// and all of Kubernetes' library that means something outside of an API server:
// find and findAll of text; isSorted, sum, min, max, indexOf, lastIndexOf and
// includes of lists; url, ip, cidr, quantity, semver and format with their methods.
// They take and answer what Kubernetes' own do and cost the same, but are written
// here, since k8s.io/apiserver/pkg/cel doubles the packages of a small program
// (362 instead of 175). The authorizer and JSON patches are left out: there is
// nobody to ask and nothing to change.
//
// It refuses to know what the values mean, policies, files and the time.
package expression
