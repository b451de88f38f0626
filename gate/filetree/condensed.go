package filetree

import (
	"bytes"
	"io"

	"github.com/imagegate/imagegate/sbom"
)

// Condense says which parts of a kept file will be asked for, in order and apart; false
// where all of it will be. Path is as in Keep. What is left out is gone and reads as
// zeros, so a rule has to have seen that nobody looks for anything in it. Content is
// only valid during the call.
type Condense func(path string, content []byte) (parts []sbom.Range, ok bool)

// maxCondense bounds the content that a rule is asked about, in bytes: it is in
// memory while it is looked at.
const maxCondense = 8 << 20

// maxParts bounds the parts of one file.
const maxParts = 64

// condensed keeps the file that the tar is at, or the parts of it that will be asked
// for.
func (r *layerReader) condensed(name string, head []byte, size int64) (body, error) {
	if r.rules.Condense == nil || size > maxCondense {
		return r.store.put(head, r.tar, size)
	}
	if int64(len(r.content)) < size {
		r.content = make([]byte, min(2*size, maxCondense))
	}
	content := r.content[:size]
	if _, err := io.ReadFull(r.tar, content[copy(content, head):]); err != nil {
		return body{}, unexpected(err)
	}
	parts, ok := r.rules.Condense(name, content)
	if !ok || !apart(parts, size) {
		return r.store.put(nil, bytes.NewReader(content), size)
	}
	return r.store.putParts(content, parts)
}

// apart says whether parts are in order, apart from each other and within a file.
func apart(parts []sbom.Range, size int64) bool {
	end := int64(0)
	for _, p := range parts {
		if p.Length <= 0 || p.Offset < end || p.Offset > size || p.Length > size-p.Offset {
			return false
		}
		end = p.Offset + p.Length
	}
	return len(parts) > 0 && len(parts) <= maxParts
}

// putParts takes parts of content.
func (s *Store) putParts(content []byte, parts []sbom.Range) (body, error) {
	b := body{size: int64(len(content)), parts: parts}
	pieces := make([]io.Reader, len(parts))
	for i, p := range parts {
		pieces[i] = bytes.NewReader(content[p.Offset:][:p.Length])
	}
	taken, err := s.put(nil, io.MultiReader(pieces...), b.kept())
	b.data, b.offset = taken.data, taken.offset
	if b.kept() == b.size {
		b.parts = nil
	}
	return b, err
}

// condensedContent is a file of which only some parts were kept; the others read as
// zeros.
type condensedContent struct{ *io.SectionReader }

var _ sbom.Condensed = condensedContent{}

func (condensedContent) Close() error { return nil }

// Condensed implements sbom.Condensed.
func (condensedContent) Condensed() {}

// sparse is the file as a whole: the parts are one after the other in kept.
type sparse struct {
	parts []sbom.Range
	kept  io.ReaderAt
}

// ReadAt implements io.ReaderAt within the size of the file.
func (s *sparse) ReadAt(p []byte, offset int64) (int, error) {
	clear(p)
	at := int64(0) // of the part in kept
	for _, part := range s.parts {
		from, to := max(part.Offset, offset), min(part.Offset+part.Length, offset+int64(len(p)))
		if from < to {
			n, err := s.kept.ReadAt(p[from-offset:to-offset], at+from-part.Offset)
			if int64(n) < to-from {
				return 0, unexpected(err)
			}
		}
		at += part.Length
	}
	return len(p), nil
}
