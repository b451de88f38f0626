package inspect

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled when the first text is held
// against it. Most runs of the program need few of them or none, and compiling all
// would be a part of every start.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
