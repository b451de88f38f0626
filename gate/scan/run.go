package scan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/imagegate/imagegate/gate/scan/estate"
)

// Collector is told what a scan finds. Its methods are called by one goroutine at
// a time.
type Collector interface {
	// Record is one answer, as it comes. Those of before a resume come again.
	Record(r estate.Record) error
	// ListError is a target, or a part of one, that could not be listed.
	ListError(err error)
	// Progress is how far the scan is, about once a second.
	Progress(c Counts)
}

// Outcome of a scan that ran to its end.
type Outcome struct {
	Counts Counts
	// Names of each unit are in its record only as far as they were listed by then;
	// here are all, by Key of the record.
	Names map[string][]string
	// ListErrors is how many targets, or parts of them, could not be listed: the
	// records are not the whole then.
	ListErrors int
}

// ErrCancelled is the end of a scan that somebody cancelled.
var ErrCancelled = errors.New("the scan was cancelled")

// Times of the scanner.
const (
	tellEvery = time.Second
	// lookEvery is how often the scanner makes sure that what has no result is still
	// in the queue.
	lookEvery = 30 * time.Second
	// publishPatience is how long the queue may be away or full.
	publishPatience = 10 * time.Minute
)

// Run lists references into the queue and collects results until none is missing;
// then it is for Finish to say that the scan has ended.
// If ctx ends before that the error is its cause, and Resume goes on; it is
// ErrCancelled where somebody cancelled it elsewhere.
func (s *Scan) Run(ctx context.Context, references iter.Seq2[Listed, error], to Collector) (Outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &run{scan: s, queue: s.queue, ledger: newLedger(), to: newSerial(to), end: cancel, caughtUp: make(chan struct{})}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.collect(ctx) })
	group.Go(func() error { return r.list(ctx, references) })
	group.Go(func() error { return r.watch(ctx) })
	err := group.Wait()
	r.tell(context.WithoutCancel(ctx))
	outcome := Outcome{Counts: r.ledger.now(), Names: r.ledger.names, ListErrors: r.listErrors}
	if errors.Is(err, errComplete) {
		return outcome, nil
	}
	if errors.Is(err, ErrCancelled) {
		err = errors.Join(err, s.queue.clear(context.WithoutCancel(ctx), s.info.ID))
	}
	if cause := context.Cause(ctx); errors.Is(err, context.Canceled) && cause != nil {
		err = cause
	}
	return outcome, err
}

// Finish ends a scan whose Run came to its end. Until then it can be resumed: by who
// could not write down what was found, for want of disk or permission.
func (s *Scan) Finish(ctx context.Context) error {
	if err := s.queue.end(ctx, s.info.ID, Finished); err != nil {
		return err
	}
	return s.queue.clear(ctx, s.info.ID)
}

// errComplete ends the goroutines of a run that has all it wants.
var errComplete = errors.New("complete")

// run is one process's part in a scan.
type run struct {
	scan       *Scan
	queue      *Queue
	ledger     *ledger
	to         Collector
	end        context.CancelCauseFunc
	caughtUp   chan struct{} // closed when the results of before are read
	listErrors int
}

// list queues what is listed, once it is known what has its result already.
func (r *run) list(ctx context.Context, references iter.Seq2[Listed, error]) error {
	select {
	case <-r.caughtUp:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	judged, err := r.queue.lastJudged(ctx)
	if err != nil {
		return err
	}
	for reference, err := range references {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			r.listErrors++
			r.to.ListError(err)
			continue
		}
		u := unitOf(r.scan.info.ID, reference)
		q := queued{u, classOf(r.queue.now(), reference.Updated, judged[u.content])}
		if r.ledger.list(q, reference.Name) {
			if err := r.queue.publish(ctx, q); err != nil {
				return err
			}
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.ledger.listingDone()
	return r.completeOr(nil)
}

func (r *run) completeOr(err error) error {
	if err == nil && r.ledger.complete() {
		return errComplete
	}
	return err
}

// collect reads results from the first on.
func (r *run) collect(ctx context.Context) error {
	consumer, before, err := r.queue.resultConsumer(ctx, r.scan.info.ID)
	if err != nil {
		return fmt.Errorf("reading results: %w", err)
	}
	if before == 0 {
		close(r.caughtUp)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("reading results: %w", err)
	}
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	defer messages.Stop()
	for n := uint64(1); ; n++ {
		message, err := messages.Next()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("reading results: %w", err)
		}
		if err := r.completeOr(r.take(ctx, message)); err != nil {
			return err
		}
		if n == before {
			close(r.caughtUp)
		}
	}
}

// take notes one result, hands it on, and queues what has waited for it.
func (r *run) take(ctx context.Context, message natsjs.Msg) error {
	a, ours := r.queue.readResult(message)
	if !ours {
		return nil
	}
	next, isNew := r.ledger.answer(a.key, a.content, &a.record)
	if !isNew {
		return nil
	}
	if err := r.to.Record(a.record); err != nil {
		return err
	}
	for _, q := range next {
		if err := r.queue.publish(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// publish puts a unit into the queue, unless it is there.
func (q *Queue) publish(ctx context.Context, what queued) error {
	data, err := json.Marshal(what.unit)
	if err != nil {
		return fmt.Errorf("queueing %s: %w", what.unit.Name, err)
	}
	err = retry(ctx, publishPatience, func() error {
		_, err := q.js.Publish(ctx, what.unit.workSubject(what.class), data)
		if isThere(err) {
			return nil
		}
		return err
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("queueing %s: %w", what.unit.Name, err)
	}
	return nil
}

// watch tells how far the scan is, sees that somebody cancels it, and that nothing
// is missing from the queue.
func (r *run) watch(ctx context.Context) error {
	ticker := time.NewTicker(tellEvery)
	defer ticker.Stop()
	looked, judged := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		counts := r.tell(ctx)
		if info, err := r.queue.Info(ctx, r.scan.info.ID); err == nil && info.State == Cancelled {
			r.end(ErrCancelled)
			return ErrCancelled
		}
		if err := r.queue.connection.Broken(); err != nil {
			return err // nothing that anybody judges from here on would be kept
		}
		if counts.Judged != judged {
			looked, judged = time.Now(), counts.Judged
		}
		if time.Since(looked) > lookEvery {
			looked = time.Now()
			for _, q := range r.ledger.inQueue() {
				if err := r.queue.publish(ctx, q); err != nil {
					return err
				}
			}
		}
	}
}

func (r *run) tell(ctx context.Context) Counts {
	counts := r.ledger.now()
	r.to.Progress(counts)
	if data, err := json.Marshal(counts); err == nil {
		ctx, cancel := context.WithTimeout(ctx, tellEvery)
		defer cancel()
		_, _ = r.queue.scans.Put(ctx, r.scan.info.ID+countsKey, data) // for people, who look again
	}
	return counts
}

// lastJudged is when each digest was judged last, by the hexadecimal digits of it.
func (q *Queue) lastJudged(ctx context.Context) (map[string]time.Time, error) {
	watcher, err := q.judged.WatchAll(ctx, natsjs.IgnoreDeletes())
	if err != nil {
		return nil, fmt.Errorf("reading what was judged before: %w", err)
	}
	defer func() { _ = watcher.Stop() }() // it has ended
	known := map[string]time.Time{}
	for {
		select {
		case entry := <-watcher.Updates():
			if entry == nil {
				return known, nil
			}
			if at, err := time.Parse(time.RFC3339, string(entry.Value())); err == nil {
				known[entry.Key()] = at
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
