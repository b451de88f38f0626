package filetree

import (
	"io"

	"github.com/imagegate/imagegate/sbom"
)

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
