package inspect

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
)

// scanner finds which shell a program is, in one pass over its content. It looks
// for all texts of all shells at once, as Wu and Manber's agrep does ("A fast
// algorithm for multi-pattern searching", 1994): three bytes at the end of a
// window as long as the shortest text say how far the window may move.
type scanner struct {
	marks  []shellMark
	texts  []text
	window int // length of the shortest text
	reach  int // length of the longest
	shift  [1 << hashBits]uint8
	ends   map[uint32][]int // texts whose window ends with that hash
}

// text is one text of one mark.
type text struct {
	bytes []byte
	mark  int
}

const (
	hashBits  = 15
	blockSize = 3
	chunk     = 256 << 10
)

func hash(a, b, c byte) uint32 {
	return (uint32(a)<<10 ^ uint32(b)<<5 ^ uint32(c)) & (1<<hashBits - 1)
}

// shellScanner looks for the shells that are known.
var shellScanner = sync.OnceValue(func() *scanner { return newScanner(shellMarks) })

func newScanner(marks []shellMark) *scanner {
	s := &scanner{marks: marks, window: 1 << 7, ends: map[uint32][]int{}}
	for i, mark := range marks {
		for _, t := range mark.texts {
			s.texts = append(s.texts, text{joined(t), i})
		}
	}
	for _, t := range s.texts {
		s.window, s.reach = min(s.window, len(t.bytes)), max(s.reach, len(t.bytes))
	}
	for i := range s.shift {
		s.shift[i] = uint8(s.window - blockSize + 1)
	}
	for i, t := range s.texts {
		s.enter(i, t.bytes[:s.window])
	}
	return s
}

// enter lets the window move no further than to where it would end on text i.
func (s *scanner) enter(i int, window []byte) {
	for end := blockSize; end <= s.window; end++ {
		h := hash(window[end-3], window[end-2], window[end-1])
		s.shift[h] = min(s.shift[h], uint8(s.window-end))
		if end == s.window {
			s.ends[h] = append(s.ends[h], i)
		}
	}
}

// find returns the shell that a program is, or the multi-call program without a
// shell that it is; nil where it is neither.
func (s *scanner) find(ctx context.Context, program io.ReaderAt, size int64) (*identity, error) {
	seen := &sightings{texts: make([]bool, len(s.texts)), counts: make([]int, len(s.marks))}
	err := chunks(ctx, program, size, s.reach, func(data []byte) bool {
		s.scan(data, seen)
		return true
	})
	if err != nil {
		return nil, err
	}
	for i, mark := range s.marks {
		if seen.counts[i] >= mark.least {
			return identify(ctx, mark, program, size)
		}
	}
	return nil, nil
}

// sightings are the texts found so far.
type sightings struct {
	texts  []bool
	counts []int // by mark
}

// scan marks the texts in data as seen. Nothing ends it early: multi-call programs
// have texts of other shells in them.
func (s *scanner) scan(data []byte, seen *sightings) {
	for end := s.window; end <= len(data); {
		h := hash(data[end-3], data[end-2], data[end-1])
		if move := int(s.shift[h]); move > 0 {
			end += move
			continue
		}
		for _, i := range s.ends[h] {
			t := s.texts[i]
			if !seen.texts[i] && bytes.HasPrefix(data[end-s.window:], t.bytes) {
				seen.texts[i] = true
				seen.counts[t.mark]++
			}
		}
		end++
	}
}

// any says whether one of the texts is in data.
func (s *scanner) any(data []byte) bool {
	seen := &sightings{texts: make([]bool, len(s.texts)), counts: make([]int, len(s.marks))}
	s.scan(data, seen)
	return slices.Contains(seen.texts, true)
}

// identity is what a program turned out to be.
type identity struct {
	name      string
	shell     bool // false: a multi-call program without a shell
	multiCall bool
}

func identify(ctx context.Context, mark shellMark, program io.ReaderAt, size int64) (*identity, error) {
	found := &identity{name: mark.name, shell: len(mark.applets) == 0, multiCall: mark.multiCall}
	if found.shell {
		return found, nil
	}
	err := chunks(ctx, program, size, 1<<7, func(data []byte) bool {
		for _, applet := range mark.applets {
			found.shell = found.shell || bytes.Contains(data, joined(applet))
		}
		return !found.shell
	})
	return found, err
}

// buffers are for chunks: an image has hundreds of programs.
var buffers = sync.Pool{New: func() any { return new([chunk]byte) }}

// chunks calls visit with consecutive pieces of a program that overlap by
// overlap bytes, until it returns false.
func chunks(ctx context.Context, program io.ReaderAt, size int64, overlap int, visit func([]byte) bool) error {
	size = min(size, maxScan)
	whole := buffers.Get().(*[chunk]byte)
	defer buffers.Put(whole)
	buffer := whole[:min(size, chunk)]
	for offset := int64(0); offset < size; offset += int64(len(buffer) - overlap) {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := program.ReadAt(buffer, offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if more := visit(buffer[:n]); !more || n < len(buffer) || offset+int64(n) >= size {
			return nil
		}
	}
	return nil
}
