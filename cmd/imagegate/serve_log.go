package main

import (
	"bytes"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

const (
	// logLines and logBytes are how much waits for whoever reads the log, at most. How
	// long a line is depends on how much a pod names.
	logLines = 4096
	logBytes = 8 << 20
	// logFlushTime is how long the end of the program waits until they are written.
	logFlushTime = time.Second
)

// logQueue writes on a goroutine of its own, so that nobody who logs waits for a reader
// that has stopped reading: an answer would wait with him, and an API server gives up
// on it. Lines that find no room are lost, counted, and told of once there is room.
type logQueue struct {
	to      io.Writer
	lines   chan []byte
	waiting atomic.Int64 // bytes of lines
	end     chan struct{}
	done    chan struct{}
	lost    atomic.Int64 // since it was told
	all     prometheus.Counter
}

func newLogQueue(to io.Writer, registry prometheus.Registerer) *logQueue {
	q := &logQueue{to: to, lines: make(chan []byte, logLines), end: make(chan struct{}), done: make(chan struct{})}
	q.all = promauto.With(registry).NewCounter(prometheus.CounterOpts{
		Name: "imagegate_log_lines_lost_total", Help: "Lines of the log that were lost because nobody read it in time.",
	})
	go q.run()
	return q
}

// Write takes one line, as the handlers of slog write them. It never waits, and never
// fails.
func (q *logQueue) Write(line []byte) (int, error) {
	size := int64(len(line))
	if q.waiting.Add(size) > logBytes || !q.offer(bytes.Clone(line)) {
		q.waiting.Add(-size)
		q.lost.Add(1)
		q.all.Inc()
	}
	return len(line), nil
}

func (q *logQueue) offer(line []byte) bool {
	select {
	case q.lines <- line:
		return true
	default:
		return false
	}
}

func (q *logQueue) run() {
	defer close(q.done)
	for {
		select {
		case line := <-q.lines:
			q.write(line)
		case <-q.end:
			for len(q.lines) > 0 {
				q.write(<-q.lines)
			}
			return
		}
	}
}

func (q *logQueue) write(line []byte) {
	_, _ = q.to.Write(line) // there is nobody to tell
	q.waiting.Add(-int64(len(line)))
	if lost := q.lost.Swap(0); lost > 0 {
		slog.New(slog.NewJSONHandler(q.to, nil)).Warn("lines of the log were lost: nobody read it in time", "lines", lost)
	}
}

// flush waits a moment until what was logged is written. It is called once.
func (q *logQueue) flush() {
	close(q.end)
	select {
	case <-q.done:
	case <-time.After(logFlushTime):
	}
}
