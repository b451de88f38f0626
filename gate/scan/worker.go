package scan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// Worker takes units of every running scan that has its policy, until its context
// ends.
type Worker struct {
	queue *Queue
	judge Judge
	o     WorkerOptions

	waiting sync.WaitGroup // for units that are given back later

	mu      sync.Mutex
	running map[string]*joined
	strange map[string]bool // scans with another policy that were told of
}

// WorkerOptions say how a worker works.
type WorkerOptions struct {
	// Name of the worker in records. Default host and process.
	Name string
	// PolicyHash of the policy of its Judge. Scans with another are left to others.
	PolicyHash string
	// Parallel is how many units it has at once. Default 1.
	Parallel int
	// Local lets it read layouts and archives on this machine's disk, which only the
	// worker in the process that listed them should: anybody who can publish a unit
	// could make others read theirs. Default no.
	Local bool
	// Scan is the only one to work for. Default all.
	Scan string
	// RetryAfter is the pause before a unit is tried again whose failure may pass, twice
	// as long the second time. Default 30 seconds.
	RetryAfter time.Duration
	// Say is told what somebody should know, a line each. Default nobody.
	Say func(string)
}

// joined is a scan that the worker works for.
type joined struct {
	info      Info
	ctx       context.Context // ends with the scan
	stop      context.CancelFunc
	consumers []natsjs.Consumer // by class
}

// NewWorker makes a worker.
func NewWorker(q *Queue, judge Judge, o WorkerOptions) *Worker {
	if o.Name == "" {
		host, _ := os.Hostname()
		o.Name = fmt.Sprintf("%s-%d", host, os.Getpid())
	}
	o.Parallel = max(1, o.Parallel)
	if o.RetryAfter <= 0 {
		o.RetryAfter = 30 * time.Second
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	return &Worker{queue: q, judge: judge, o: o, running: map[string]*joined{}, strange: map[string]bool{}}
}

// Run works until ctx ends, and gives back what it has then.
func (w *Worker) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.follow(ctx) })
	for slot := range w.o.Parallel {
		group.Go(func() error { return w.work(ctx, slot) })
	}
	err := group.Wait()
	w.waiting.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// follow keeps the list of running scans.
func (w *Worker) follow(ctx context.Context) error {
	for {
		err := w.followOnce(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		w.o.Say(fmt.Sprintf("looking for scans: %v; trying again", err))
		if !pause(ctx, time.Second) {
			return context.Cause(ctx)
		}
	}
}

func (w *Worker) followOnce(ctx context.Context) error {
	watcher, err := w.queue.scans.WatchAll(ctx, natsjs.IgnoreDeletes())
	if err != nil {
		return err
	}
	defer func() { _ = watcher.Stop() }() // it is replaced
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case entry, open := <-watcher.Updates():
			if !open {
				return errors.New("the connection was lost")
			}
			if entry != nil && !strings.Contains(entry.Key(), ".") {
				w.update(ctx, entry)
			}
		}
	}
}

// update joins a scan that runs, and leaves one that has ended.
func (w *Worker) update(ctx context.Context, entry natsjs.KeyValueEntry) {
	var info Info
	if json.Unmarshal(entry.Value(), &info) != nil || info.ID != entry.Key() {
		return // not ours
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	known, joinedIt := w.running[info.ID]
	switch {
	case info.State != Running:
		if joinedIt {
			known.stop()
			delete(w.running, info.ID)
		}
	case joinedIt, w.o.Scan != "" && w.o.Scan != info.ID:
	case info.PolicyHash != w.o.PolicyHash:
		if !w.strange[info.ID] {
			w.strange[info.ID] = true
			w.o.Say(fmt.Sprintf("leaving scan %s to others: its policy is %s, ours %s", info.ID, info.PolicyHash, w.o.PolicyHash))
		}
	default:
		ctx, stop := context.WithCancel(ctx)
		w.running[info.ID] = &joined{info: info, ctx: ctx, stop: stop}
	}
}

// scans are those to work for, in the order in which they began.
func (w *Worker) scans() []*joined {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]*joined, 0, len(w.running))
	for _, s := range w.running {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *joined) int { return strings.Compare(a.info.ID, b.info.ID) })
	return list
}

// idleTime is how long a slot waits when there is nothing to do.
const idleTime = 200 * time.Millisecond

// work is the life of one slot.
func (w *Worker) work(ctx context.Context, slot int) error {
	for ctx.Err() == nil {
		scan, message := w.next(ctx)
		if message == nil {
			pause(ctx, idleTime+rand.N(idleTime))
			continue
		}
		w.handle(ctx, slot, scan, message)
		w.doing(scan, slot, "")
	}
	return context.Cause(ctx)
}

// next takes a unit of the first class that has one.
func (w *Worker) next(ctx context.Context) (*joined, natsjs.Msg) {
	for _, scan := range w.scans() {
		for i := range Classes() {
			if ctx.Err() != nil || scan.ctx.Err() != nil {
				break
			}
			if message := w.pull(ctx, scan, i); message != nil {
				return scan, message
			}
		}
	}
	return nil, nil
}

// pull asks one consumer for a unit. A server that is away has none.
func (w *Worker) pull(ctx context.Context, scan *joined, class int) natsjs.Msg {
	consumer := w.consumer(ctx, scan, class)
	if consumer == nil {
		return nil
	}
	batch, err := consumer.FetchNoWait(1)
	if err != nil {
		return nil
	}
	select {
	case message := <-batch.Messages(): // nil: none
		return message
	case <-time.After(answerTime):
		return nil
	}
}

// answerTime bounds the wait for an answer of the queue.
const answerTime = 5 * time.Second

func (w *Worker) consumer(ctx context.Context, scan *joined, class int) natsjs.Consumer {
	w.mu.Lock()
	known := scan.consumers
	w.mu.Unlock()
	if known != nil {
		return known[class]
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var found []natsjs.Consumer
	for _, c := range Classes() {
		consumer, err := w.queue.js.Consumer(ctx, workStream, consumerName(scan.info.ID, c))
		if err != nil {
			return nil // it is being made, or was removed
		}
		found = append(found, consumer)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	scan.consumers = found
	return found[class]
}

// pause waits, and says whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
