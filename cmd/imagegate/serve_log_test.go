package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// Whoever logs does not wait for a reader that has stopped reading.
func TestLogQueue(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	read, written := io.Pipe()
	q := newLogQueue(written, registry)
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for i := range logLines {
				n, err := fmt.Fprintf(q, "line %d\n", i)
				require.NoError(t, err)
				require.Equal(t, len(fmt.Sprintf("line %d\n", i)), n)
			}
		})
	}
	writers.Wait()
	shown, err := registry.Gather()
	require.NoError(t, err)
	require.Equal(t, "imagegate_log_lines_lost_total", shown[0].GetName())
	lost := int(shown[0].GetMetric()[0].GetCounter().GetValue())
	require.InDelta(t, 3*logLines, lost, 1, "but for those that wait, and the one that is being written")

	all := make(chan string)
	go func() {
		text, _ := io.ReadAll(read) // a pipe ends as it is closed
		all <- string(text)
	}()
	q.flush()
	_, err = q.Write([]byte("too late\n"))
	require.NoError(t, err)
	require.NoError(t, written.Close())
	text := <-all
	require.Equal(t, 4*logLines-lost, strings.Count(text, "\nline ")+1)
	require.Contains(t, text, fmt.Sprintf(`"lines":%d`, lost))
	require.NotContains(t, text, "too late")

	// The end does not wait for ever either.
	_, blocked := io.Pipe()
	q = newLogQueue(blocked, prometheus.NewRegistry())
	_, err = q.Write([]byte("nobody reads this\n"))
	require.NoError(t, err)
	q.flush()
}

// Lines may be long: what waits is bounded in bytes, too.
func TestLogQueueIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	read, written := io.Pipe()
	q := newLogQueue(written, prometheus.NewRegistry())
	long := bytes.Repeat([]byte("x"), logBytes/4)
	for range 10 {
		_, err := q.Write(long)
		require.NoError(t, err)
	}
	require.LessOrEqual(t, q.waiting.Load(), int64(logBytes))
	require.EqualValues(t, 6, q.lost.Load())
	go func() { _, _ = io.Copy(io.Discard, read) }() // ends with the pipe
	require.Eventually(t, func() bool { return q.waiting.Load() == 0 }, time.Minute, time.Millisecond)
	q.flush()
	require.NoError(t, written.Close())
}

// A line is the queue's own: slog uses its buffers again.
func TestLogQueueKeepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	q := newLogQueue(&out, prometheus.NewRegistry())
	line := []byte("one\n")
	_, err := q.Write(line)
	require.NoError(t, err)
	copy(line, "two\n")
	q.flush()
	require.Equal(t, "one\n", out.String())
}

// Answers do not wait for whoever reads the log.
func TestServeAnswersWhileNobodyReadsItsLog(t *testing.T) {
	w, err := newWorld(t)
	require.NoError(t, err)
	w.registry.Push("app:1", namedImage(t, "good"))
	s := serveHere(t, builtDatabase(t), "--insecure-plain-http", "--insecure-skip-signatures")
	s.log.mu.Lock() // who writes to it waits from here on
	defer s.log.mu.Unlock()
	for range 100 {
		got, err := s.review(http.DefaultClient, nil, w.registry.Host()+"/app:1")
		require.NoError(t, err)
		require.True(t, got.Allowed, got.Reason)
	}
}
