package admission

import (
	"context"
	"errors"
	"sync"
)

// checks are the checks that are under way: one for each question, however many
// ask it; so many at once, and so many that wait for their turn.
type checks struct {
	slots chan struct{}
	most  int

	ctx  context.Context // of all checks; the requests that asked may be gone
	stop context.CancelFunc

	mu       sync.Mutex
	underWay map[work]*check
	closed   bool
	group    sync.WaitGroup
}

// work is what a check is about: a question that one seat answers.
type work struct {
	key      key
	database string
}

// check is one of them. What it found may be read when done is closed.
type check struct {
	done    chan struct{}
	verdict Verdict
	source  Source
}

func newChecks(l Limits) *checks {
	ctx, stop := context.WithCancel(context.Background())
	return &checks{
		slots: make(chan struct{}, l.Checks), most: l.Waiting,
		ctx: ctx, stop: stop, underWay: map[work]*check{},
	}
}

// run does what a check is.
type run func(context.Context) (Verdict, Source)

// The reasons why there is no check.
var (
	errOverload = errors.New("too many checks are waiting")
	errClosing  = errors.New("this server is shutting down")
)

// join is the check of a question: the one under way, or a new one that runs in
// the background, and what run holds is its own. Since a check is remembered before
// it ends, known is asked again while nobody else can begin one: the check is nil
// then, and the verdict at hand.
func (c *checks) join(w work, known func() bool, begin func() run) (*check, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if running, ok := c.underWay[w]; ok {
		return running, nil
	}
	switch {
	case known():
		return nil, nil
	case c.closed:
		return nil, errClosing
	case len(c.underWay) >= c.most:
		return nil, errOverload
	}
	started := &check{done: make(chan struct{})}
	c.underWay[w] = started
	judge := begin()
	c.group.Go(func() {
		defer c.end(w, started)
		started.verdict, started.source = judge(c.ctx)
	})
	return started, nil
}

func (c *checks) end(w work, ended *check) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.underWay, w)
	close(ended.done)
}

// turn waits until a check may run; false if it has to end before.
func (c *checks) turn(ctx context.Context) (done func(), ok bool) {
	select {
	case c.slots <- struct{}{}:
		return func() { <-c.slots }, true
	case <-ctx.Done():
		return nil, false
	}
}

// count is how many checks run, and how many are under way with those that wait.
func (c *checks) count() (running, underWay int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.slots), len(c.underWay)
}

// close ends all checks and lets none begin.
func (c *checks) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.group.Wait()
}
