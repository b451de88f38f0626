package estate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// LineError is a line of a scan's result that could not be read.
type LineError struct {
	Line int // from 1
	Err  error
	// Torn says that it is the last line and has no end: whoever wrote it was
	// stopped, and what it was about is to be judged again.
	Torn bool
}

func (e *LineError) Error() string { return fmt.Sprintf("reading line %d: %s", e.Line, e.Err) }
func (e *LineError) Unwrap() error { return e.Err }

// Remedy is what to do next.
func (e *LineError) Remedy() string {
	if e.Torn {
		return "the scan that wrote it was stopped: continue it with --resume, or remove the last line"
	}
	return "give a file of results that imagegate scan wrote, with this or an earlier version"
}

// Read yields the records of JSON lines in their order. Empty lines are skipped. It
// ends with the first error, a *LineError or that of the reader; what came before
// it is then not the whole.
func Read(from io.Reader) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		b := bufio.NewReaderSize(from, MaxLine+2) // a line, and either end of it
		for number := 1; ; number++ {
			line, err := b.ReadSlice('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				if errors.Is(err, bufio.ErrBufferFull) {
					err = &LineError{Line: number, Err: fmt.Errorf("it is longer than %d bytes", MaxLine)}
				}
				yield(Record{}, err)
				return
			}
			last := err != nil
			if len(bytes.TrimSpace(line)) > 0 {
				r, err := ParseLine(line)
				if err != nil {
					yield(Record{}, &LineError{Line: number, Err: err, Torn: last})
					return
				}
				if !yield(r, nil) {
					return
				}
			}
			if last {
				return
			}
		}
	}
}
