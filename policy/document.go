package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxBytes is the size of the largest policy document that is read.
const MaxBytes = 1 << 20

// maxNodes bounds how much a document can hold, maxDepth how deep: a policy has
// a few hundred nodes and seven levels.
const (
	maxNodes = 50_000
	maxDepth = 32
)

// readDocument parses exactly one YAML document into nodes. Aliases stay nodes:
// nothing is expanded before checkNodes has refused them.
func readDocument(name string, data []byte) (*yaml.Node, error) {
	problem := func(line, column int, message string) error {
		return newError([]Problem{{File: name, Line: line, Column: column, Message: message}})
	}
	if len(data) > MaxBytes {
		return nil, problem(0, 0, fmt.Sprintf("too large for a policy: over %s", ByteSize(MaxBytes)))
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil {
		line, message := syntaxError(err)
		return nil, problem(line, 0, message)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		line := second.Line
		if err != nil {
			line, _ = syntaxError(err)
		}
		return nil, problem(line, 0, "more than one document: a policy is one YAML document in one file")
	}
	root := document.Content[0]
	nodes := 0
	if bad, message := checkNodes(root, 0, &nodes); bad != nil {
		return nil, problem(bad.Line, bad.Column, message)
	}
	return root, nil
}

// syntaxError takes the line out of the parser's "yaml: line 3: …".
func syntaxError(err error) (int, string) {
	if errors.Is(err, io.EOF) {
		return 0, "empty: a policy starts with apiVersion: " + APIVersion
	}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		number, text, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			line, message = n, text
		}
	}
	return line, "not YAML: " + printable(message)
}

// checkNodes refuses what a policy never needs and what makes YAML dangerous:
// anchors and aliases, explicit tags, endless nesting.
func checkNodes(n *yaml.Node, depth int, count *int) (*yaml.Node, string) {
	*count++
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return n, "anchors and aliases are not read: write the value out"
	case n.Style&yaml.TaggedStyle != 0:
		return n, "tags are not read: leave out " + printable(n.Tag)
	case depth > maxDepth:
		return n, "nested too deeply"
	case *count > maxNodes:
		return n, "too many values for a policy"
	}
	for _, child := range n.Content {
		if bad, message := checkNodes(child, depth+1, count); bad != nil {
			return bad, message
		}
	}
	return nil, ""
}
