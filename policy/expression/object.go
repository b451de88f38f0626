package expression

import (
	"fmt"
	"reflect"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// object is a value of a declared type. Its fields are read by FieldType alone,
// so that nothing gets around the check for facts that are not there.
type object struct {
	value reflect.Value
	kind  *types.Type
}

// ConvertToNative gives the Go value to whoever asks for its type.
func (o object) ConvertToNative(to reflect.Type) (any, error) {
	if o.value.Type() == to {
		return o.value.Interface(), nil
	}
	return nil, fmt.Errorf("%s is no %s", o.kind, to)
}

// ConvertToType knows the value's own type only.
func (o object) ConvertToType(to ref.Type) ref.Val {
	switch to.TypeName() {
	case types.TypeType.TypeName():
		return o.kind
	case o.kind.TypeName():
		return o
	}
	return types.NewErr("%s is no %s", o.kind, to.TypeName())
}

// Equal is true of the same facts.
func (o object) Equal(other ref.Val) ref.Val {
	that, ok := other.(object)
	return types.Bool(ok && that.kind.TypeName() == o.kind.TypeName() && reflect.DeepEqual(o.value.Interface(), that.value.Interface()))
}

// Type is the declared one.
func (o object) Type() ref.Type { return o.kind }

// Value is the Go value.
func (o object) Value() any { return o.value.Interface() }
