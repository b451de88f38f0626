package pace

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
)

// Meter counts the bytes of answers that were asked for in its context.
type Meter struct{ bytes atomic.Int64 }

// Bytes so far.
func (m *Meter) Bytes() int64 { return m.bytes.Load() }

type meterKey struct{}

// WithMeter counts in a meter what is asked for in this context.
func WithMeter(ctx context.Context, m *Meter) context.Context {
	return context.WithValue(ctx, meterKey{}, m)
}

// metered counts a body, keeps it to the bytes a second, and gives its connection
// back when it is closed.
func (p *Pacer) metered(ctx context.Context, h *host, body io.ReadCloser) io.ReadCloser {
	m, _ := ctx.Value(meterKey{}).(*Meter)
	return &pacedBody{ReadCloser: body, ctx: ctx, pacer: p, host: h, meter: m}
}

type pacedBody struct {
	io.ReadCloser
	ctx    context.Context
	pacer  *Pacer
	host   *host
	meter  *Meter // nil: nobody asks
	closed sync.Once
}

func (b *pacedBody) Read(into []byte) (int, error) {
	if limit := b.host.bytes; limit != nil && len(into) > limit.Burst() {
		into = into[:limit.Burst()]
	}
	n, err := b.ReadCloser.Read(into)
	b.pacer.pulled.Add(int64(n))
	if b.meter != nil {
		b.meter.bytes.Add(int64(n))
	}
	if limit := b.host.bytes; limit != nil && n > 0 && err == nil {
		err = limit.WaitN(b.ctx, n)
	}
	return n, err
}

func (b *pacedBody) Close() error {
	err := b.ReadCloser.Close()
	b.closed.Do(b.host.leave)
	return err
}
