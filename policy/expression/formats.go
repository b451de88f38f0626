package expression

import (
	"encoding/base64"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"k8s.io/apimachinery/pkg/api/validate/content"
)

// format is a named form of text: it says what is wrong with one that has another.
type format struct {
	name   string
	wrong  func(string) []string
	weight uint64 // the length of a pattern that would do the same, for its cost
}

// known are the formats of Kubernetes (format.go) by name. Those of names are
// Kubernetes' own code; uri, uuid, byte, date and datetime are OpenAPI's.
var known = map[string]format{
	"dns1123Label":           {"dns1123Label", content.IsDNS1123Label, 30},
	"dns1123LabelPrefix":     {"dns1123LabelPrefix", prefix(content.IsDNS1123Label), 30},
	"dns1123Subdomain":       {"dns1123Subdomain", content.IsDNS1123Subdomain, 60},
	"dns1123SubdomainPrefix": {"dns1123SubdomainPrefix", prefix(content.IsDNS1123Subdomain), 60},
	"dns1035Label":           {"dns1035Label", isDNS1035Label, 30},
	"dns1035LabelPrefix":     {"dns1035LabelPrefix", prefix(isDNS1035Label), 30},
	"qualifiedName":          {"qualifiedName", content.IsLabelKey, 60},
	"labelValue":             {"labelValue", content.IsLabelValue, 40},
	"uri":                    {"uri", isURI, 1103},
	"uuid":                   {"uuid", isUUID, 84},
	"byte":                   {"byte", isBase64, 84},
	"date":                   {"date", isTime("invalid date", time.DateOnly), 80},
	"datetime":               {"datetime", isTime("invalid datetime", time.RFC3339), 80},
}

// formats declare format.NAME(), format.named(NAME) and FORMAT.validate(text), which
// is a list of what is wrong, or optional.none().
func formats() []cel.EnvOption {
	kind := types.NewOpaqueType("kubernetes.NamedFormat")
	p := parser[format]{kind: kind, equal: func(a, b format) bool { return a.name == b.name }}
	options := []cel.EnvOption{
		cel.Function("format.named", cel.Overload("format-named", []*cel.Type{cel.StringType}, cel.OptionalType(kind), cel.UnaryBinding(func(name ref.Val) ref.Val {
			f, ok := known[string(name.(types.String))]
			if !ok {
				return types.OptionalNone
			}
			return types.OptionalOf(p.value(f))
		}))),
		cel.Function("validate", cel.MemberOverload("format-validate", []*cel.Type{kind, cel.StringType}, cel.OptionalType(cel.ListType(cel.StringType)),
			cel.BinaryBinding(func(f, text ref.Val) ref.Val {
				wrong := f.(parsed[format]).value.wrong(string(text.(types.String)))
				if len(wrong) == 0 {
					return types.OptionalNone
				}
				return types.OptionalOf(types.NewStringList(types.DefaultTypeAdapter, wrong))
			}))),
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		value := p.value(known[name])
		id := "format." + name
		options = append(options, cel.Function(id, cel.Overload(id, nil, kind, cel.FunctionBinding(func(...ref.Val) ref.Val { return value }))))
	}
	return options
}

// prefix is a form of names to which something will be added: a dash may end them.
func prefix(wrong func(string) []string) func(string) []string {
	return func(text string) []string {
		if len(text) > 1 && strings.HasSuffix(text, "-") {
			text = text[:len(text)-2] + "a"
		}
		return wrong(text)
	}
}

var (
	dns1035Label = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	uuidText     = regexp.MustCompile(`(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$`)
)

func isDNS1035Label(text string) []string {
	const longest = 63 // RFC 1035, 2.3.4
	var wrong []string
	if len(text) > longest {
		wrong = append(wrong, content.MaxLenError(longest))
	}
	if !dns1035Label.MatchString(text) {
		wrong = append(wrong, content.RegexError("a DNS-1035 label must consist of lower case alphanumeric characters or '-', "+
			"start with an alphabetic character, and end with an alphanumeric character", strings.Trim(dns1035Label.String(), "^$"), "my-name", "abc-123"))
	}
	return wrong
}

func isURI(text string) []string {
	if _, err := url.ParseRequestURI(text); err != nil {
		return []string{err.Error()}
	}
	return nil
}

func isUUID(text string) []string {
	if !uuidText.MatchString(text) {
		return []string{"does not match the UUID format"}
	}
	return nil
}

// isBase64 holds text against RFC 4648, section 4, which demands padding.
func isBase64(text string) []string {
	if _, err := base64.StdEncoding.Strict().DecodeString(text); err != nil || text == "" || strings.ContainsAny(text, "\r\n") {
		return []string{"invalid base64"}
	}
	return nil
}

// isTime holds text against RFC 3339, in which t and z may be small.
func isTime(complaint, layout string) func(string) []string {
	return func(text string) []string {
		if _, err := time.Parse(layout, strings.ToUpper(text)); err != nil {
			return []string{complaint}
		}
		return nil
	}
}
