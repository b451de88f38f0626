package scan

import (
	"slices"
	"sync"
	"time"

	"github.com/imagegate/imagegate/gate/scan/estate"
	"github.com/imagegate/imagegate/policy"
)

// ledger is what a scanner knows: which units there are, which have a result, and
// which wait for another of the same digest. Safe for concurrent use.
type ledger struct {
	mu     sync.Mutex
	counts Counts
	names  map[string][]string // of each unit, by key
	done   map[string]bool     // units with a result, by key
	open   map[string]queued   // units without, by key, that are to be queued
	held   map[string][]queued // units that wait for another of the same content
	active map[string]string   // key of the unit in the queue, by content
}

// queued is a unit and its place in the order.
type queued struct {
	unit  Unit
	class Class
}

func newLedger() *ledger {
	return &ledger{
		names: map[string][]string{}, done: map[string]bool{}, open: map[string]queued{},
		held: map[string][]queued{}, active: map[string]string{},
	}
}

// list notes a reference, and says whether its unit is to be queued now.
func (l *ledger) list(q queued, name string) (queueNow bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Listed++
	key := q.unit.key()
	names, known := l.names[key]
	if !slices.Contains(names, name) {
		l.names[key] = append(names, name)
	}
	if known {
		return false
	}
	l.counts.Units++
	if l.done[key] {
		return false
	}
	l.open[key] = q
	if _, busy := l.active[q.unit.content]; busy {
		l.held[q.unit.content] = append(l.held[q.unit.content], q)
		return false
	}
	l.active[q.unit.content] = key
	return true
}

// answer notes a record, once. What has waited for it is to be queued now.
func (l *ledger) answer(key, content string, r *estate.Record) (next []queued, isNew bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done[key] {
		return nil, false
	}
	l.done[key] = true
	delete(l.open, key)
	l.count(r)
	if names := l.names[key]; len(names) > 0 {
		r.References = slices.Sorted(slices.Values(names))
	}
	if l.active[content] == key {
		delete(l.active, content)
		if held := l.held[content]; len(held) > 0 {
			next, l.held[content] = held[:1], held[1:]
			l.active[content] = next[0].unit.key()
		} else {
			delete(l.held, content)
		}
	}
	return next, true
}

func (l *ledger) count(r *estate.Record) {
	l.counts.Judged++
	switch r.Verdict {
	case policy.Allow:
		l.counts.Allowed++
	case policy.Deny:
		l.counts.Denied++
	default:
		l.counts.Undecided++
	}
	l.counts.PulledBytes += r.PulledBytes
	l.counts.SavedBytes += r.SavedBytes
}

// listingDone notes that no unit will be added.
func (l *ledger) listingDone() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.ListingDone = true
}

// complete says that every unit has its result.
func (l *ledger) complete() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts.ListingDone && len(l.open) == 0
}

func (l *ledger) now() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts
}

// inQueue are the units that ought to be in the queue or with a worker.
func (l *ledger) inQueue() []queued {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []queued
	for key, q := range l.open {
		if l.active[q.unit.content] == key {
			list = append(list, q)
		}
	}
	return list
}

// Pace is how fast a scan is: what is judged a second, and how long what is left
// takes. Zero where it cannot be said.
func (c Counts) Pace(since time.Duration, before Counts) (rate float64, left time.Duration) {
	if since <= 0 {
		return 0, 0
	}
	rate = float64(c.Judged-before.Judged) / since.Seconds()
	if rate > 0 && c.ListingDone {
		left = time.Duration(float64(c.Units-c.Judged) / rate * float64(time.Second))
	}
	return rate, left
}
