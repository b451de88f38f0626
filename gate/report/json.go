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
	out := make([]byte, 0, len(data))
	for _, r := range string(data) {
		switch {
		case r == '\n' || !hidden(r):
			out = utf8.AppendRune(out, r)
		case r < 0x10000:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
	}
	return bytes.ReplaceAll(out, []byte(commandMark), []byte(`#\u0023`))
}
