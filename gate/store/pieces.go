package store

import (
	"bytes"
	"io"
)

// pieces are a value or an entry before they are joined, which is best left to what is
// written in the end: a value may be large, and a copy of it would be as large.
type pieces [][]byte

func (p pieces) size() (n int64) {
	for _, piece := range p {
		n += int64(len(piece))
	}
	return n
}

func (p pieces) reader() io.Reader {
	readers := make([]io.Reader, len(p))
	for i, piece := range p {
		readers[i] = bytes.NewReader(piece)
	}
	return io.MultiReader(readers...)
}
