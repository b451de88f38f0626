package report

import (
	"encoding/json"
	"io"

	"github.com/imagegate/imagegate/gate"
)

// JSON writes the report as one JSON object (RFC 8259), indented by two spaces.
// Its fields are gate.Report's; a list that was not collected is empty, and the
// platform's steps say that it was not.
func JSON(w io.Writer, r gate.Report, _ Options) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
