package signature

import "fmt"

// jsonBounds limit a JSON text before anything parses it: parsers recurse with
// its depth and allocate with the number of its values.
type jsonBounds struct {
	what   string // for messages
	depth  int
	values int
}

// check scans once and allocates nothing. It does not say that the text is JSON,
// only that no parser will find more in it than this.
func (b jsonBounds) check(text []byte) error {
	depth, values, inString := 0, 1, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			values++
		case c == '}' || c == ']':
			depth--
		case c == ',' || c == ':':
			values++
		}
		if depth > b.depth {
			return overLimit(fmt.Sprintf("nesting of the %s", b.what), b.depth)
		}
		if values > b.values {
			return overLimit(fmt.Sprintf("number of values in the %s", b.what), b.values)
		}
	}
	return nil
}

// The bounds of the envelopes; those of a statement's values are configurable.
const (
	maxNesting        = 128
	maxEnvelopeValues = 1_000
	maxBundleValues   = 20_000
)
