package catalog

import (
	"context"
	"errors"
	"io"

	"github.com/imagegate/imagegate/sbom"
)

// watched is content that reports when reading it fails: a parser takes a read error
// for a malformed file, but the file may be well and the spill file gone, or time up.
type watched struct {
	sbom.Content

	ctx  context.Context // of the Catalog call
	path string
	fail func(error) error
}

func (w *watched) Read(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, w.fail(context.Cause(w.ctx))
	}
	n, err := w.Content.Read(p)
	return n, w.check(err)
}

// ReadAt reports no error for an offset that no file has: a malformed header makes
// parsers ask for one.
func (w *watched) ReadAt(p []byte, offset int64) (int, error) {
	if w.ctx.Err() != nil {
		return 0, w.fail(context.Cause(w.ctx))
	}
	n, err := w.Content.ReadAt(p, offset)
	if offset < 0 {
		return n, err
	}
	return n, w.check(err)
}

func (w *watched) check(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return w.fail(&readError{path: w.path, err: err})
}

// readError is content that was kept and cannot be read back.
type readError struct {
	path string
	err  error
}

func (e *readError) Error() string { return "reading " + e.path + ": " + e.err.Error() }
func (e *readError) Unwrap() error { return e.err }
