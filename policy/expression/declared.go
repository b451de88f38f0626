package expression

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// declared are Go types as types of the language: the checker knows their
// fields, and a value is looked into only where an expression looks.
type declared struct {
	*types.Registry
	structs map[string]reflect.Type
}

func newDeclared() *declared {
	return &declared{Registry: types.NewEmptyRegistry(), structs: map[string]reflect.Type{}}
}

// declare makes a type known, with the types of its fields.
func (d *declared) declare(t reflect.Type) (*cel.Type, error) {
	switch {
	case t == nil || t.Kind() == reflect.Interface:
		return cel.DynType, nil
	case t == reflect.TypeFor[time.Time]():
		return cel.TimestampType, nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.declare(t.Elem())
	case reflect.String:
		return cel.StringType, nil
	case reflect.Bool:
		return cel.BoolType, nil
	case reflect.Int, reflect.Int64:
		return cel.IntType, nil
	case reflect.Float64:
		return cel.DoubleType, nil
	case reflect.Slice:
		element, err := d.declare(t.Elem())
		return cel.ListType(element), err
	case reflect.Map:
		element, err := d.declare(t.Elem())
		return cel.MapType(cel.StringType, element), err
	case reflect.Struct:
		return d.declareStruct(t)
	}
	return nil, fmt.Errorf("%s has no type in the language", t)
}

func (d *declared) declareStruct(t reflect.Type) (*cel.Type, error) {
	name := t.Name()
	if known, ok := d.structs[name]; ok && known != t {
		return nil, fmt.Errorf("%s and %s have one name", known, t)
	}
	if _, ok := d.structs[name]; ok {
		return cel.ObjectType(name), nil
	}
	d.structs[name] = t
	for i := range t.NumField() {
		if fieldName(t.Field(i)) == "" {
			continue
		}
		if _, err := d.declare(t.Field(i).Type); err != nil {
			return nil, err
		}
	}
	return cel.ObjectType(name), nil
}

// fieldName is the name of a field in the language; empty for one that has none.
func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" {
		return ""
	}
	return name
}

// FindStructType says that a declared type exists.
func (d *declared) FindStructType(name string) (*types.Type, bool) {
	if _, ok := d.structs[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return d.Registry.FindStructType(name)
}

// FindStructFieldNames lists the fields of a declared type.
func (d *declared) FindStructFieldNames(name string) ([]string, bool) {
	t, ok := d.structs[name]
	if !ok {
		return d.Registry.FindStructFieldNames(name)
	}
	var names []string
	for i := range t.NumField() {
		if field := fieldName(t.Field(i)); field != "" {
			names = append(names, field)
		}
	}
	return names, true
}

// FindStructFieldType says how a field is read. A nil pointer is a fact that is
// not there, and reading it is an error.
func (d *declared) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	t, ok := d.structs[name]
	if !ok {
		return d.Registry.FindStructFieldType(name, field)
	}
	for i := range t.NumField() {
		if field == "" || fieldName(t.Field(i)) != field {
			continue
		}
		fieldType, err := d.declare(t.Field(i).Type)
		if err != nil {
			return nil, false
		}
		at := func(target any) reflect.Value { return reflect.ValueOf(target).Field(i) }
		return &types.FieldType{
			Type:  fieldType,
			IsSet: func(target any) bool { return !absent(at(target)) },
			GetFrom: func(target any) (any, error) {
				if absent(at(target)) {
					return nil, fmt.Errorf("%s is not known", field)
				}
				return at(target).Interface(), nil
			},
		}, true
	}
	return nil, false
}

func absent(v reflect.Value) bool {
	return (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil()
}

// NewValue refuses to make a value of a declared type: facts are given.
func (d *declared) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := d.structs[name]; ok {
		return types.NewErr("%s cannot be made by an expression", name)
	}
	return d.Registry.NewValue(name, fields)
}

// NativeToValue makes a Go value one of the language.
func (d *declared) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case nil:
		return types.NullValue
	case ref.Val:
		return v
	case time.Time:
		return types.Timestamp{Time: v}
	}
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return types.NullValue
		}
		return d.NativeToValue(v.Elem().Interface())
	case reflect.String:
		return types.String(v.String())
	case reflect.Bool:
		return types.Bool(v.Bool())
	case reflect.Int, reflect.Int64:
		return types.Int(v.Int())
	case reflect.Float64:
		return types.Double(v.Float())
	case reflect.Slice:
		return types.NewDynamicList(d, value)
	case reflect.Map:
		return types.NewDynamicMap(d, value)
	case reflect.Struct:
		if known, ok := d.structs[v.Type().Name()]; ok && known == v.Type() {
			return object{v, types.NewObjectType(v.Type().Name())}
		}
	}
	return d.Registry.NativeToValue(value)
}
