package gate

import (
	"context"
	"fmt"
	"runtime"
	"sync"
)

// WithParallel sets how many platform images are read at once, in all checks of
// this gate together. Each takes the memory of one image. Default: two, or one
// where there is one core.
func WithParallel(images int) Option {
	return func(g *Gate) error {
		if images < 1 {
			return fmt.Errorf("at least one image must be read at once, not %d", images)
		}
		g.turns = newTurns(images)
		return nil
	}
}

func defaultParallel() int { return min(2, runtime.GOMAXPROCS(0)) }

// turns bound how many images are read at once, and let nobody read an image
// that somebody else is reading.
type turns struct {
	slots chan struct{}

	mu   sync.Mutex
	busy map[string]chan struct{} // by digest; closed when it is free
}

func newTurns(images int) *turns {
	return &turns{slots: make(chan struct{}, images), busy: map[string]chan struct{}{}}
}

// take waits until an image may be read. Whoever waits for the same digest finds
// afterwards what the first one remembered.
func (t *turns) take(ctx context.Context, digest string) (done func(), err error) {
	free, err := t.alone(ctx, digest)
	if err != nil {
		return nil, err
	}
	select {
	case t.slots <- struct{}{}:
		return func() { <-t.slots; free() }, nil
	case <-ctx.Done():
		free()
		return nil, fmt.Errorf("waiting for other images: %w", ctx.Err())
	}
}

func (t *turns) alone(ctx context.Context, digest string) (free func(), err error) {
	for {
		t.mu.Lock()
		other, taken := t.busy[digest]
		if !taken {
			mine := make(chan struct{})
			t.busy[digest] = mine
			t.mu.Unlock()
			return func() { t.free(digest, mine) }, nil
		}
		t.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the same image: %w", ctx.Err())
		}
	}
}

func (t *turns) free(digest string, mine chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.busy, digest)
	close(mine)
}
