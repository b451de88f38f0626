package policy

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Explanation is one rule's answer with the fields of the policy that made it
// ask.
type Explanation struct {
	Rule     RuleInfo
	Settings []Setting
	Findings []Finding
}

// Setting is a field of the effective policy.
type Setting struct {
	Field string
	Value string // as YAML, on one line
	// Origin says where the value comes from: an override, a place in the document,
	// the preset, or the defaults.
	Origin string
}

// Explain is Evaluate, rule by rule.
func (p *Policy) Explain(e Evidence, stage Stage, now time.Time) (Verdict, []Explanation) {
	p = p.For(e.Reference, p.namespace)
	verdict := p.Evaluate(e, stage, now)
	var list []Explanation
	for _, info := range p.Rules() {
		x := Explanation{Rule: info, Settings: []Setting{{"enforcement", string(p.Enforcement), p.origin("enforcement")}}}
		for _, field := range info.Fields {
			x.Settings = append(x.Settings, Setting{field, p.value(field), p.origin(field)})
		}
		for _, f := range verdict.Findings {
			if f.Rule == info.ID {
				x.Findings = append(x.Findings, f)
			}
		}
		list = append(list, x)
	}
	return verdict, list
}

// value is a field as YAML on one line; of a list of rules, signers or exceptions it
// is what they are called.
func (p *Policy) value(field string) string {
	v := reflect.ValueOf(p).Elem()
	for name := range strings.SplitSeq(field, ".") {
		for v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if !v.IsValid() || v.Kind() != reflect.Struct {
			return ""
		}
		v, _ = fieldByName(v, name)
	}
	if !v.IsValid() {
		return ""
	}
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct {
		names := make([]string, v.Len())
		for i := range names {
			names[i] = called(v.Index(i).Interface())
		}
		return "[" + enumerate(names) + "]"
	}
	var node yaml.Node
	if err := node.Encode(v.Interface()); err != nil {
		return ""
	}
	node.Style = yaml.FlowStyle
	text, err := yaml.Marshal(&node)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// called is what a person would call an element of a list of a policy.
func called(element any) string {
	switch x := element.(type) {
	case Signer:
		return x.Name
	case AttestationRule:
		return x.Name
	case CustomRule:
		return x.Name
	case KnownBase:
		return x.Name
	case Exception:
		return x.about() + " by " + x.Owner
	case VEXDocument:
		return cmp.Or(x.File, "a document of "+plural(len(x.Data), "byte"))
	}
	return fmt.Sprintf("%T", element)
}

// origin says who set a field last.
func (p *Policy) origin(field string) string {
	for _, o := range slices.Backward(p.applied) {
		if slices.ContainsFunc(o.Fields(), func(set string) bool { return within(set, field) || within(field, set) }) {
			return "the override " + o.Title()
		}
	}
	if at, ok := p.said[field]; ok {
		return at
	}
	if p.Extends == BaseNothing || p.Extends == "" {
		return "the default"
	}
	return "the preset " + string(p.Extends)
}
