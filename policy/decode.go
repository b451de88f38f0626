package policy

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// decoder lays YAML nodes over Go values, strictly. It collects every problem
// instead of stopping at the first, and remembers where each field stood, so
// that what validate finds later has a line too.
type decoder struct {
	file     string
	sources  map[*yaml.Node]*source // of several documents: which node is whose
	places   map[string]*yaml.Node  // by field path
	failed   map[string]bool        // field paths that have a problem already
	holds    map[string]bool        // those, and every path around one
	problems []Problem
}

func newDecoder(file string, root *yaml.Node) *decoder {
	return &decoder{file: file, places: map[string]*yaml.Node{"": root}, failed: map[string]bool{}, holds: map[string]bool{}}
}

// report notes a problem at a field, or at the nearest field around it that the
// document has. One problem is enough of a field, what is in it and around it.
func (d *decoder) report(field, format string, args ...any) {
	if d.failed[""] || d.holds[field] {
		return
	}
	node := d.places[""]
	for at := field; at != ""; at = parentField(at) {
		if d.failed[at] {
			return
		}
		if n, ok := d.places[at]; ok {
			node = n
			break
		}
	}
	d.at(node, field, fmt.Sprintf(format, args...))
}

func (d *decoder) at(n *yaml.Node, field, message string) {
	d.fail(field)
	d.problems = append(d.problems, Problem{File: d.fileOf(n), Line: n.Line, Column: n.Column, Field: field, Message: message})
}

// fileOf is the name of the document that a node stands in.
func (d *decoder) fileOf(n *yaml.Node) string {
	if s := d.sources[n]; s != nil {
		return s.name
	}
	return d.file
}

// fail marks a field, and each field around it as holding one that failed.
func (d *decoder) fail(field string) {
	d.failed[field], d.holds[field] = true, true
	for field != "" {
		field = parentField(field)
		d.holds[field] = true
	}
}

// parentField of "a.b[0].c" is "a.b[0]", of that "a.b".
func parentField(field string) string {
	return field[:max(0, strings.LastIndexAny(field, ".["))]
}

func joinField(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

// value lays n over v: a scalar or a list replaces, a mapping is laid over field
// by field.
func (d *decoder) value(n *yaml.Node, v reflect.Value, field string) {
	d.places[field] = n
	switch {
	case v.Type() == reflect.TypeFor[Override]():
		d.override(n, v, field) // one without a value, too, is one that sets nothing
	case n.Tag == "!!null":
		d.at(n, field, "has no value")
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(n, v.Elem(), field)
	case v.Type() == reflect.TypeFor[time.Time]() || isText(v):
		d.scalar(n, v, field)
	case v.Kind() == reflect.Struct:
		d.mapping(n, v, field)
	case v.Kind() == reflect.Slice:
		d.list(n, v, field)
	default:
		d.scalar(n, v, field)
	}
}

func isText(v reflect.Value) bool {
	_, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
	return ok
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, field string) {
	if n.Kind != yaml.MappingNode {
		d.at(n, field, "must be a mapping with the fields "+oneOf(fieldNames(v.Type())))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if first, again := seen[key.Value]; again {
			d.at(key, joinField(field, shortened(key.Value)), fmt.Sprintf("is set twice, first on line %d", first))
			continue
		}
		seen[key.Value] = key.Line
		member, ok := fieldByName(v, key.Value)
		if key.Kind != yaml.ScalarNode || !ok {
			d.unknownField(key, v.Type(), field)
			continue
		}
		d.value(value, member, joinField(field, key.Value))
	}
}

func (d *decoder) unknownField(key *yaml.Node, in reflect.Type, field string) {
	known := fieldNames(in)
	message := fmt.Sprintf("unknown field %q", shortened(key.Value))
	near := Suggest(key.Value, known)
	switch elsewhere := fieldElsewhere(key.Value); {
	case near != "":
		message += fmt.Sprintf(": did you mean %q?", near)
		d.fail(joinField(field, near)) // it is not missing, only misspelt
	case elsewhere != "":
		message += fmt.Sprintf(": did you mean %s?", elsewhere)
	default:
		message += ": use " + oneOf(known)
	}
	d.problems = append(d.problems, Problem{File: d.fileOf(key), Line: key.Line, Column: key.Column, Field: field, Message: message})
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, field string) {
	if n.Kind != yaml.SequenceNode {
		d.at(n, field, "must be a list: write [a, b], or one \"- \" a line")
		return
	}
	if len(n.Content) == 0 {
		v.SetZero() // an empty list and none at all are the same policy
		return
	}
	items := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.value(item, items.Index(i), fmt.Sprintf("%s[%d]", field, i))
	}
	v.Set(items)
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, field string) {
	if n.Kind != yaml.ScalarNode {
		d.at(n, field, "must be a single value")
		return
	}
	if err := setScalar(n, v); err != nil {
		d.at(n, field, err.Error())
	}
}

func setScalar(n *yaml.Node, v reflect.Value) error {
	switch target := v.Addr().Interface().(type) {
	case *time.Time:
		return setDate(n.Value, target)
	case encoding.TextUnmarshaler:
		if err := target.UnmarshalText([]byte(n.Value)); err != nil {
			return fmt.Errorf("%q is %w", shortened(n.Value), err)
		}
		return nil
	case worded:
		return setWord(n, v, target)
	}
	var err error
	switch v.Kind() {
	case reflect.Bool:
		err = n.Decode(v.Addr().Interface())
		if err != nil || n.Tag != "!!bool" {
			return fmt.Errorf("%q is not a truth value: write true or false", shortened(n.Value))
		}
	case reflect.Int:
		if err = n.Decode(v.Addr().Interface()); err != nil || n.Tag != "!!int" {
			return fmt.Errorf("%q is not a whole number", shortened(n.Value))
		}
	default:
		if n.Tag != "!!str" {
			return fmt.Errorf("must be text: put %s in quotes", shortened(n.Value))
		}
		v.SetString(n.Value)
	}
	return nil
}

// setWord sets one of a closed list of words.
func setWord(n *yaml.Node, v reflect.Value, target worded) error {
	word := n.Value
	if n.Tag == "!!bool" {
		word = strings.ToLower(word)
	}
	if !slices.Contains(target.words(), word) {
		return unknownWord(target.noun(), word, target.words())
	}
	if s, ok := target.(interface{ synonyms() map[string]string }); ok && s.synonyms()[word] != "" {
		word = s.synonyms()[word]
	}
	v.SetString(word)
	return nil
}

// setDate reads a date, which stands for its first moment in UTC, or RFC 3339.
func setDate(text string, target *time.Time) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			*target = t.UTC()
			return nil
		}
	}
	return fmt.Errorf("%q is not a date: write 2027-01-31 or 2027-01-31T12:00:00Z", shortened(text))
}

// unknownWord names the nearest known word, or all of them.
func unknownWord(what, word string, known []string) error {
	message := fmt.Sprintf("unknown %s %q", what, shortened(word))
	if near := Suggest(word, known); near != "" {
		return fmt.Errorf("%s: did you mean %q?", message, near)
	}
	if len(known) == 0 {
		return errors.New(message + ": there is none")
	}
	return errors.New(message + ": use " + oneOf(known))
}

// oneOf lists words for a sentence: "a, b or c".
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
