// Package report writes a gate.Report in the formats that people and machines
// read: one file a format. It decides nothing and drops nothing that decides; it
// knows no engine and no policy rule by name.
//
// Everything in a report that comes from an image or a registry is hostile text,
// and each writer escapes it for its own format.
package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

// Options of all formats.
type Options struct {
	// Width of a line in columns, for formats that wrap. Default 80.
	Width int
	// Color marks outcomes with terminal colours, for formats that have them.
	Color bool
}

// Writer writes a whole report in one format.
type Writer func(io.Writer, gate.Report, Options) error

var formats = map[string]Writer{
	"text":           Text,
	"json":           JSON,
	"sarif":          SARIF,
	"junit":          JUnit,
	"github":         GitHub,
	"github-summary": GitHubSummary,
	"gitlab":         GitLab,
	"markdown":       Markdown,
	"html":           HTML,
}

// Formats are the names that Lookup knows, sorted.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

// Lookup returns the writer of a format. An unknown one is an error that names
// the known ones; it never becomes another format.
func Lookup(format string) (Writer, error) {
	w, ok := formats[format]
	if !ok {
		return nil, &UnknownFormatError{Format: format}
	}
	return w, nil
}

// UnknownFormatError is a format that no writer has.
type UnknownFormatError struct{ Format string }

func (e *UnknownFormatError) Error() string {
	return fmt.Sprintf("unknown report format %q", e.Format)
}

// Remedy names the nearest format, or all of them.
func (e *UnknownFormatError) Remedy() string {
	if near := policy.Suggest(e.Format, Formats()); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "formats are " + strings.Join(Formats(), ", ")
}
