package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/imagegate/imagegate/gate"
)

// JSON writes the report as one JSON object (RFC 8259), indented by two spaces.
// Its fields are gate.Report's; a list that was not collected is empty, and the
// platform's steps say that it was not.
func JSON(w io.Writer, r gate.Report, _ Options) error { return WriteJSON(w, r) }

// WriteJSON writes a value as every format that is JSON is written. Hostile text keeps its
// meaning, but neither drives the terminal nor the build system in whose log it
// ends up: what line would escape is escaped here in the way of JSON.
func WriteJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(quietJSON(b.Bytes()))
	return err
}

// quietJSON escapes what is not for a terminal or a log. None of it is part of
// JSON but in strings, where the escape means the same; line breaks stay, since
// in strings they are escaped already.
func quietJSON(data []byte) []byte {
	plain := plainPrefix(data)
	if plain == len(data) {
		return unmarked(data)
	}
	out := append(make([]byte, 0, len(data)+len(data)/16), data[:plain]...)
	for _, r := range string(data[plain:]) {
		switch {
		case !loud(r):
			out = utf8.AppendRune(out, r)
		case r < 0x10000:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
	}
	return unmarked(out)
}

// plainPrefix is how much of the text is printable ASCII: all of most reports, and
// found out in a fraction of the time that characters take.
func plainPrefix(data []byte) int {
	for i, b := range data {
		if b >= 0x7f || b < ' ' && b != '\n' {
			return i
		}
	}
	return len(data)
}

// loud is what quietJSON escapes.
func loud(r rune) bool { return r != '\n' && hidden(r) }

// unmarked escapes commands to a build system.
func unmarked(data []byte) []byte {
	if !bytes.Contains(data, []byte(commandMark)) {
		return data
	}
	return bytes.ReplaceAll(data, []byte(commandMark), []byte(`#\u0023`))
}
