package expression

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// maxShown is how many elements of a list a fact shows.
const maxShown = 3

// textOf writes a value for a person; false of what has too much in it to be
// shown.
func textOf(v ref.Val) (string, bool) {
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
	case traits.Lister:
		return listText(v)
	}
	return "", false
}

func listText(list traits.Lister) (string, bool) {
	size, ok := list.Size().(types.Int)
	if !ok {
		return "", false
	}
	var parts []string
	for i := types.Int(0); i < min(size, maxShown); i++ {
		text, ok := textOf(list.Get(i))
		if !ok {
			return fmt.Sprintf("a list of %d", size), true
		}
		parts = append(parts, text)
	}
	if size > maxShown {
		parts = append(parts, fmt.Sprintf("and %d more", size-maxShown))
	}
	return "[" + strings.Join(parts, ", ") + "]", true
}
