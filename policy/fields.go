package policy

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlName is the name of a struct field in YAML; empty for a field that is not
// part of the document.
func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "-" {
		return ""
	}
	return name
}

// children are the values of a key of a mapping: one, or none.
func children(n *yaml.Node, name string) []*yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1 : i+2]
		}
	}
	return nil
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if name := yamlName(t.Field(i)); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func fieldByName(v reflect.Value, name string) (reflect.Value, bool) {
	for i := range v.NumField() {
		if name != "" && yamlName(v.Type().Field(i)) == name {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// fieldElsewhere finds where in a policy a name would be right ("nonRoot" is
// config.nonRoot); empty where nowhere, or in more places than a hint can name.
func fieldElsewhere(name string) string {
	const most = 2
	places := findField(reflect.TypeFor[Policy](), "", name)
	if len(places) > most {
		return ""
	}
	return oneOf(places)
}

func findField(t reflect.Type, path, name string) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		if t.Kind() == reflect.Slice {
			path += "[]"
		}
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var found []string
	for i := range t.NumField() {
		at := yamlName(t.Field(i))
		if at == "" {
			continue
		}
		if at == name {
			found = append(found, joinField(path, at))
		}
		found = append(found, findField(t.Field(i).Type, joinField(path, at), name)...)
	}
	return found
}
