package filetree

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/imagegate/imagegate/sbom"
)

// body is the content of one file: in memory, or where data is nil in the spill.
// It is never empty.
type body struct {
	data   []byte
	offset int64
	size   int64
	// parts are what was kept of it, one after the other; nil: all.
	parts []sbom.Range
}

// kept is how many bytes were kept.
func (b *body) kept() int64 {
	if b.parts == nil {
		return b.size
	}
	total := int64(0)
	for _, p := range b.parts {
		total += p.Length
	}
	return total
}

type memoryContent struct{ *bytes.Reader }

func (memoryContent) Close() error { return nil }

func emptyContent() memoryContent { return memoryContent{bytes.NewReader(nil)} }

type spilledContent struct{ *io.SectionReader }

func (spilledContent) Close() error { return nil }

// spill is the one temporary file for the content that memory has no room for.
// It is made when it is first needed and has no name from then on where the
// system allows that, so that not even a killed process leaves it behind.
type spill struct {
	directory string
	space     allowance

	mu   sync.Mutex
	file *os.File
	name string // to be removed at close; empty where it already is
	end  int64
}

// put copies content to its own part of the file, so that layers which are read
// in parallel do not wait for each other.
func (s *spill) put(head []byte, rest io.Reader, size int64) (body, error) {
	if err := s.space.take(size); err != nil {
		return body{}, err
	}
	offset, err := s.reserve(size)
	if err != nil {
		return body{}, err
	}
	w := &spillWriter{spill: s, offset: offset}
	if _, err := w.Write(head); err != nil {
		return body{}, err
	}
	buffer := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buffer)
	n, err := io.CopyBuffer(w, io.LimitReader(rest, size-int64(len(head))), buffer[:])
	if err == nil && int64(len(head))+n != size {
		err = io.ErrUnexpectedEOF
	}
	return body{offset: offset, size: size}, err
}

const copyBuffer = 128 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

// reserve returns where the next size bytes go.
func (s *spill) reserve(size int64) (offset int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		if err := s.create(); err != nil {
			return 0, &SpillError{Directory: s.where(), Err: err}
		}
	}
	offset = s.end
	s.end += size
	return offset, nil
}

func (s *spill) create() error {
	file, err := os.CreateTemp(s.directory, "imagegate-content-*")
	if err != nil {
		return err
	}
	s.file = file
	if os.Remove(file.Name()) != nil { // an open file cannot be removed everywhere
		s.name = file.Name()
	}
	return nil
}

func (s *spill) where() string {
	if s.directory != "" {
		return s.directory
	}
	return os.TempDir()
}

// ReadAt reads what put wrote.
func (s *spill) ReadAt(p []byte, offset int64) (int, error) {
	n, err := s.file.ReadAt(p, offset)
	if err != nil && err != io.EOF {
		err = &SpillError{Directory: s.where(), Err: err}
	}
	return n, err
}

func (s *spill) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.name != "" {
		err = errors.Join(err, os.Remove(s.name))
	}
	if err != nil {
		return &SpillError{Directory: s.where(), Err: err}
	}
	return nil
}

// spillWriter writes one body.
type spillWriter struct {
	spill  *spill
	offset int64
}

func (w *spillWriter) Write(p []byte) (int, error) {
	n, err := w.spill.file.WriteAt(p, w.offset)
	w.offset += int64(n)
	if err != nil {
		err = &SpillError{Directory: w.spill.where(), Err: err}
	}
	return n, err
}
