package vuln

import (
	"context"
	"io"
)

// Steps of getting a database, in order.
const (
	StepDownload = "download"
	StepUnpack   = "unpack"
	StepInstall  = "install"
)

// Progress is how far the work on a database is.
type Progress struct {
	Step string
	// Done and Total are bytes of the archive; Total is -1 where it is unknown.
	Done, Total int64
}

// progressReader tells how much was read.
type progressReader struct {
	reader   io.Reader
	report   func(Progress)
	progress Progress
}

func (r *progressReader) Read(p []byte) (int, error) {
	n, err := r.reader.Read(p)
	r.progress.Done += int64(n)
	r.report(r.progress)
	return n, err
}

// contextReader ends a long read of a local file when its context ends.
type contextReader struct {
	ctx    context.Context //nolint:containedctx // of the one operation that reads
	reader io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.reader.Read(p)
}
