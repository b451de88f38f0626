package policy

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/imagegate/imagegate/policy/expression"
)

// inside reports a mistake in a condition at its place in the document.
func (d *decoder) inside(field string, p expression.Problem) {
	n, ok := d.places[field]
	if !ok || d.failed[field] {
		d.report(field, "%s", p.Message)
		return
	}
	d.holds[field] = true
	line, column := d.position(n, p)
	d.problems = append(d.problems, Problem{File: d.fileOf(n), Line: line, Column: column, Field: field, Message: p.Message})
}

// position finds a place in a scalar in the document: exactly, where the scalar
// is written as it is read (on one line, or literally after a bar), else where
// the scalar begins.
func (d *decoder) position(n *yaml.Node, p expression.Problem) (line, column int) {
	text := strings.Split(n.Value, "\n")
	if p.Line < 1 || p.Line > len(text) || p.Column < 1 {
		return n.Line, n.Column
	}
	line = n.Line
	if n.Style&yaml.LiteralStyle != 0 {
		line += p.Line
	} else if p.Line > 1 {
		return n.Line, n.Column
	}
	s := d.sources[n]
	if s == nil || line > len(s.lines) {
		return n.Line, n.Column
	}
	from := 0
	if line == n.Line {
		from = min(n.Column-1, len(s.lines[line-1]))
	}
	at := strings.Index(s.lines[line-1][from:], text[p.Line-1])
	if at < 0 {
		return n.Line, n.Column
	}
	return line, from + at + p.Column
}

// documentLines are the lines of a document, for position.
func documentLines(data []byte) []string {
	return slices.Collect(strings.Lines(string(data)))
}
