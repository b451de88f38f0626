package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/imagegate/imagegate/gate/scan"
	"github.com/imagegate/imagegate/gate/scan/estate"
)

// teller tells the process above how far a scan is.
type teller struct {
	start time.Time
	once  sync.Once

	mu     sync.Mutex
	counts scan.Counts
}

func (t *teller) tell(first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	data, err := json.Marshal(told{At: time.Since(t.start), Counts: t.counts, First: first})
	if err == nil {
		fmt.Println(string(data))
	}
}

// first notes that a worker has begun.
func (t *teller) first() { t.once.Do(func() { t.tell(true) }) }

// Record implements scan.Collector.
func (t *teller) Record(estate.Record) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Judged++
	return nil
}

// ListError implements scan.Collector.
func (t *teller) ListError(err error) { fmt.Fprintln(os.Stderr, err) }

// Progress implements scan.Collector.
func (t *teller) Progress(c scan.Counts) {
	t.mu.Lock()
	t.counts = c
	t.mu.Unlock()
	t.tell(false)
}
