package expression

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// maxShown is how many elements of a list, entries of a map and fields of an object
// a fact shows.
const maxShown = 3

// maxDeep is how deep lists and maps in each other are shown.
const maxDeep = 3

// textOf writes a value for a person; false of what has no text, or too much.
func textOf(v ref.Val) (string, bool) { return textWithin(v, maxDeep) }

func textWithin(v ref.Val, depth int) (string, bool) {
	switch v := v.(type) {
	case types.String:
		return strconv.Quote(string(v)), true
	case types.Bool, types.Int, types.Uint, types.Double:
		return fmt.Sprint(v.Value()), true
	case types.Timestamp:
		return v.UTC().Format(time.RFC3339), true
	case types.Duration:
		return v.String(), true
	case types.Null:
		return "null", true
	case object:
		return objectText(v), true
	}
	if depth == 0 {
		return "", false
	}
	switch v := v.(type) {
	case traits.Lister:
		return listText(v, depth-1)
	case traits.Mapper:
		return mapText(v, depth-1)
	}
	return "", false
}

// objectText shows the first fields that are known and no lists: those name it.
func objectText(o object) string {
	var parts []string
	for i := range o.value.NumField() {
		name, field := fieldName(o.value.Type().Field(i)), o.value.Field(i)
		if name == "" || field.IsZero() || len(parts) == maxShown {
			continue
		}
		if field.Kind() == reflect.Pointer {
			field = field.Elem()
		}
		switch field.Kind() {
		case reflect.String:
			parts = append(parts, name+": "+strconv.Quote(field.String()))
		case reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
			parts = append(parts, fmt.Sprintf("%s: %v", name, field))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// mapText shows the first entries in the order of their keys: a map has none of its
// own.
func mapText(m traits.Mapper, depth int) (string, bool) {
	entries := map[string]ref.Val{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		if key, ok := it.Next().(types.String); ok {
			entries[string(key)] = m.Get(key)
		}
	}
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(entries))[:min(maxShown, len(entries))] {
		value, ok := textWithin(entries[key], depth)
		if !ok {
			return fmt.Sprintf("a map of %d", len(entries)), true
		}
		parts = append(parts, strconv.Quote(key)+": "+value)
	}
	return "{" + strings.Join(andMore(parts, len(entries)), ", ") + "}", true
}

func listText(list traits.Lister, depth int) (string, bool) {
	size, ok := list.Size().(types.Int)
	if !ok {
		return "", false
	}
	var parts []string
	for i := types.Int(0); i < min(size, maxShown); i++ {
		text, ok := textWithin(list.Get(i), depth)
		if !ok {
			return fmt.Sprintf("a list of %d", size), true
		}
		parts = append(parts, text)
	}
	return "[" + strings.Join(andMore(parts, int(size)), ", ") + "]", true
}

// andMore counts what is not shown.
func andMore(parts []string, all int) []string {
	if more := all - len(parts); more > 0 {
		return append(parts, fmt.Sprintf("and %d more", more))
	}
	return parts
}
