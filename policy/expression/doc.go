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
// and of Kubernetes' library: find and findAll of text; isSorted, sum, min, max,
// indexOf and lastIndexOf of lists; url, ip, cidr, quantity and semver with their
// methods. They are written here since Kubernetes' own package brings its API
// types and doubles the size of a small program. What is missing of Kubernetes:
// format, ip.isCanonical, cidr masked, and the second argument of semver;
// authorizer and JSON patches mean nothing outside of an API server.
//
// It refuses to know what the values mean, policies, files and the time.
package expression
