package policy

import (
	"fmt"
	"path"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// File is one of the documents that make up a policy.
type File struct {
	Name string // for messages
	Data []byte
	// Base is put before relative names of files in the document, where documents
	// come from different folders; empty: nothing is.
	Base string
}

// joined are the lists to which each document adds.
var joined = []string{
	"signatures.signers", "vex.documents", "vex.signers", "exceptions", "attestations", "rules", "overrides",
}

// source is a document that was read, to say where its nodes stand.
type source struct {
	name  string
	lines []string
}

// documents are several documents as one, and which node is whose.
type documents struct {
	root     *yaml.Node
	sources  map[*yaml.Node]*source
	problems []Problem
}

// readDocuments parses every document and joins them into one. What is wrong with
// any of them is reported together.
func readDocuments(files []File) (*documents, error) {
	const most = 100
	if len(files) == 0 || len(files) > most {
		return nil, newError([]Problem{{File: "policy", Message: fmt.Sprintf("made of %d documents: write 1 to %d", len(files), most)}})
	}
	all := &documents{sources: map[*yaml.Node]*source{}}
	for _, f := range files {
		root, err := readDocument(f.Name, f.Data)
		if err != nil {
			all.problems = append(all.problems, err.(*Error).Problems...) //nolint:errorlint,forcetypeassert // it returns no other
			continue
		}
		all.own(root, &source{f.Name, documentLines(f.Data)}, f.Base, "")
		if all.root == nil {
			all.root = root
		} else {
			all.merge(all.root, root, "")
		}
	}
	if len(all.problems) > 0 {
		return nil, newError(all.problems)
	}
	return all, nil
}

// own notes whose a node is, and makes file names relative to the base.
func (d *documents) own(n *yaml.Node, s *source, base, key string) {
	d.sources[n] = s
	if (key == "file" || key == "evidence") && n.Kind == yaml.ScalarNode && base != "" && n.Value != "" && !path.IsAbs(n.Value) {
		n.Value = path.Join(base, n.Value)
	}
	for i, child := range n.Content {
		within := key
		if n.Kind == yaml.MappingNode {
			within = ""
			if i%2 == 1 {
				within = n.Content[i-1].Value
			}
		}
		d.own(child, s, base, within)
	}
}

// merge adds a document to those before it. Documents of one policy say different
// things: what two of them set must be a list to which each adds, or the same.
// Their names become one.
func (d *documents) merge(to, from *yaml.Node, field string) {
	switch {
	case to.Kind == yaml.MappingNode && from.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(from.Content); i += 2 {
			key, value := from.Content[i], from.Content[i+1]
			if known := children(to, key.Value); len(known) > 0 {
				d.merge(known[0], value, joinField(field, key.Value))
				continue
			}
			to.Content = append(to.Content, key, value)
		}
	case to.Kind == yaml.SequenceNode && from.Kind == yaml.SequenceNode && slices.Contains(joined, field):
		to.Content = append(to.Content, from.Content...)
	case reflect.DeepEqual(plain(to), plain(from)):
	case field == "metadata.name" && to.Kind == yaml.ScalarNode && from.Kind == yaml.ScalarNode:
		to.Value += "+" + from.Value
	default:
		s, first := d.sources[from], d.sources[to]
		d.problems = append(d.problems, Problem{File: s.name, Line: from.Line, Column: from.Column, Field: field,
			Message: fmt.Sprintf("is set otherwise in %s:%d: set it in one of them", first.name, to.Line)})
	}
}
