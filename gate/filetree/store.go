package filetree

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/imagegate/imagegate/sbom"
)

// Store holds the content that was kept of any number of layers, and counts
// everything that is held against its Limits. It is safe for concurrent use:
// layers may be read in parallel.
//
// One Store serves one image, or several images of one check that share layers.
type Store struct {
	limits  Limits
	entries allowance
	names   allowance
	stream  allowance // uncompressed bytes that were read
	memory  allowance // content
	// capabilities are entries that state one.
	capabilities allowance
	spill        spill

	closing sync.Once
	mu      sync.Mutex
	users   int // the creator and every open tree
}

// NewStore makes an empty store. Nothing is opened before it is needed.
func NewStore(limits Limits) *Store {
	limits = limits.withDefaults()
	s := &Store{limits: limits, users: 1}
	s.entries.LimitError = LimitError{Limit: "Entries", Max: limits.Entries, Unit: "entries"}
	s.names.LimitError = LimitError{Limit: "NameBytes", Max: limits.NameBytes, Unit: "bytes of names"}
	s.stream.LimitError = LimitError{Limit: "TotalBytes", Max: limits.TotalBytes, Unit: "uncompressed bytes of all layers"}
	s.memory.LimitError = LimitError{Limit: "Memory", Max: max(limits.Memory, 0), Unit: "bytes of content in memory"}
	s.capabilities.LimitError = LimitError{Limit: "Capabilities", Max: limits.Capabilities, Unit: "files with capabilities"}
	s.spill.directory = limits.Directory
	s.spill.space.LimitError = LimitError{Limit: "Disk", Max: max(limits.Disk, 0), Unit: "bytes of content in the temporary file"}
	return s
}

// largeShare is the part of the memory that one file may take.
const largeShare = 64

// Close gives up the creator's hold. The content stays until the last tree that
// was merged from the store's layers is closed, too.
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() { err = s.release() })
	return err
}

func (s *Store) retain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
}

func (s *Store) release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
	if s.users > 0 {
		return nil
	}
	return s.spill.close()
}

// put takes size bytes of content, of which head is already read. Large files do
// not get to the memory while there is a disk: they are few, and little of them is
// read again, while the many small ones are read whole.
func (s *Store) put(head []byte, rest io.Reader, size int64) (body, error) {
	large := size > max(s.memory.Max/largeShare, HeadSize) && s.spill.space.Max > 0
	if large || s.memory.take(size) != nil {
		return s.spill.put(head, rest, size)
	}
	data := make([]byte, size)
	copy(data, head)
	if _, err := io.ReadFull(rest, data[len(head):]); err != nil {
		s.memory.giveBack(size)
		return body{}, unexpected(err)
	}
	return body{data: data, size: size}, nil
}

// open returns the content of a file.
func (s *Store) open(b body) sbom.Content {
	if b.parts == nil {
		return s.remains(b)
	}
	return condensedContent{io.NewSectionReader(&sparse{parts: b.parts, kept: s.remains(b)}, 0, b.size)}
}

// remains are what put took of a file.
func (s *Store) remains(b body) sbom.Content {
	if b.data == nil {
		return spilledContent{io.NewSectionReader(&s.spill, b.offset, b.kept())}
	}
	return memoryContent{bytes.NewReader(b.data)}
}

// unexpected turns the end of a stream within a file into an error that says so.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// allowance is one limit and how much of it is used.
type allowance struct {
	LimitError
	used atomic.Int64
}

func (a *allowance) take(n int64) error {
	if a.used.Add(n) > a.Max {
		a.used.Add(-n)
		return &a.LimitError
	}
	return nil
}

func (a *allowance) giveBack(n int64) { a.used.Add(-n) }
