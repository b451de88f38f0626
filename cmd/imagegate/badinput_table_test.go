package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
)

// row is what became of one bad input.
type row struct {
	input, verdict, reasons string
	took                    time.Duration
	heap                    uint64
}

// writeTable is what `make badinput` shows.
func writeTable(t *testing.T, path string, rows []row) {
	t.Helper()
	file, err := os.Create(path)
	require.NoError(t, err)
	w := tabwriter.NewWriter(file, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "INPUT\tVERDICT\tTIME\tPEAK HEAP\tMESSAGE")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%d ms\t%d MiB\t%s\n", strings.TrimPrefix(r.input, "TestBadInput/"), r.verdict,
			r.took.Milliseconds(), r.heap>>20, short(r.reasons))
	}
	fmt.Fprintf(w, "%d inputs\n", len(rows))
	require.NoError(t, w.Flush())
	require.NoError(t, file.Close())
}

// short is the first reason, as far as a line has room for it.
func short(reasons string) string {
	const room = 160
	first, _, _ := strings.Cut(reasons, "\n")
	if runes := []rune(first); len(runes) > room {
		return string(runes[:room]) + "…"
	}
	return first
}

// heapWatch samples how much heap is in use, live or not yet collected.
type heapWatch struct {
	end  chan struct{}
	peak chan uint64
}

func watchHeap() heapWatch {
	runtime.GC()
	w := heapWatch{make(chan struct{}), make(chan uint64)}
	go func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		start := heapInUse()
		most := start
		for {
			select {
			case <-tick.C:
				most = max(most, heapInUse())
			case <-w.end:
				w.peak <- max(most, heapInUse()) - start
				return
			}
		}
	}()
	return w
}

// stop returns the highest use since the watch began, beyond what was in use then.
func (w heapWatch) stop() uint64 {
	close(w.end)
	return <-w.peak
}

func heapInUse() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
