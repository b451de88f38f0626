package policy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Schema is the JSON Schema (draft 2020-12) of a policy document, made from the
// same fields that Parse reads: editors complete and check with it. It knows
// names, types and words; what fields mean together only Parse checks.
func Schema() []byte {
	s := schemaOf(reflect.TypeFor[Policy](), "")
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "imagegate policy"
	properties := s["properties"].(map[string]any)
	properties["apiVersion"] = map[string]any{"const": APIVersion}
	properties["kind"] = map[string]any{"const": Kind}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(fmt.Errorf("writing the schema, which is made of maps and text: %w", err))
	}
	return append(data, '\n')
}

// demanded are the fields that a document cannot leave out.
var demanded = map[reflect.Type][]string{
	reflect.TypeFor[Policy]():          {"apiVersion", "kind", "metadata"},
	reflect.TypeFor[Metadata]():        {"name"},
	reflect.TypeFor[Signer]():          {"name"},
	reflect.TypeFor[Exception]():       {"owner", "reason", "expires"},
	reflect.TypeFor[CustomRule]():      {"name", "expression"},
	reflect.TypeFor[KnownBase]():       {"name"},
	reflect.TypeFor[overlay]():         {"match"},
	reflect.TypeFor[AttestationRule](): {"name", "predicateType"},
}

// writings are the types that are written as one value.
var writings = map[reflect.Type]map[string]any{
	reflect.TypeFor[ByteSize]():     {"type": "string", "pattern": `^(off|[0-9.]+ ?([kKmMgGtT]i?)?[bB])$`, "examples": []string{"500MiB", "2GiB", off}},
	reflect.TypeFor[Age]():          {"type": "string", "pattern": `^(off|[0-9]+d|([0-9.]+(h|m|s|ms))+)$`, "examples": []string{"5d", "36h", off}},
	reflect.TypeFor[Threshold]():    {"anyOf": []any{map[string]any{"type": "number", "minimum": 0, "maximum": 10}, map[string]any{"const": off}}},
	reflect.TypeFor[Port]():         {"type": []string{"integer", "string"}, "examples": []any{22, "53/udp"}},
	reflect.TypeFor[BaseImage]():    {"type": "string", "examples": []string{"registry.example.com/base/**"}},
	reflect.TypeFor[RegistryGlob](): {"type": "string", "examples": []string{"registry.example.com/team/**"}},
	reflect.TypeFor[time.Time]():    {"type": "string", "examples": []string{"2027-01-31"}},
}

func schemaOf(t reflect.Type, path string) map[string]any {
	if t.Kind() == reflect.Pointer {
		return schemaOf(t.Elem(), path)
	}
	if t == reflect.TypeFor[Override]() {
		t = reflect.TypeFor[overlay]()
		path = "" // what it sets is described as the policy's
	}
	if s, ok := writings[t]; ok {
		return s
	}
	if w, ok := reflect.Zero(t).Interface().(worded); ok {
		return map[string]any{"enum": wordsOf(w)}
	}
	switch t.Kind() {
	case reflect.Struct:
		return structSchema(t, path)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem(), path+"[]")}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int:
		return map[string]any{"type": "integer"}
	}
	return map[string]any{"type": "string"}
}

// wordsOf are the words as YAML reads them: true is a truth value.
func wordsOf(w worded) []any {
	var list []any
	for _, word := range w.words() {
		switch word {
		case "true", "false":
			list = append(list, word == "true")
		default:
			list = append(list, word)
		}
	}
	return list
}

func structSchema(t reflect.Type, path string) map[string]any {
	properties := map[string]any{}
	for i := range t.NumField() {
		name := yamlName(t.Field(i))
		if name == "" {
			continue
		}
		at := joinField(path, name)
		property := schemaOf(t.Field(i).Type, at)
		if text := describe(at); text != "" {
			described := map[string]any{"description": text}
			for key, value := range property {
				described[key] = value
			}
			property = described
		}
		properties[name] = property
	}
	s := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if names := demanded[t]; len(names) > 0 {
		s["required"] = names
	}
	return s
}

// describe is what the rules say about a field that switches them.
func describe(field string) string {
	for _, r := range Rules() {
		if slices.Contains(r.Fields, field) && !strings.HasPrefix(r.ID, customPrefix) {
			return r.Title + ". " + r.Why
		}
	}
	return ""
}
