package filetree

import (
	"context"
	"io"
)

// meter counts an uncompressed layer while it is read, and ends the reading when
// it is too large or nobody waits for it any more.
type meter struct {
	ctx    context.Context
	reader io.Reader
	store  *Store
	bytes  int64
}

func (m *meter) Read(p []byte) (int, error) {
	if m.ctx.Err() != nil {
		return 0, context.Cause(m.ctx)
	}
	n, err := m.reader.Read(p)
	if over := m.store.stream.take(int64(n)); over != nil {
		return 0, over
	}
	m.bytes += int64(n)
	if m.bytes > m.store.limits.LayerBytes {
		return 0, layerBytesError(&m.store.limits)
	}
	return n, err
}
