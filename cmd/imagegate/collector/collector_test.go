package collector

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The collector begins when there is something to collect, and is then the usual one.
func TestTheFirstCollectionEndsTheWait(t *testing.T) {
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before); debug.SetMemoryLimit(math.MaxInt64) })
	wait()
	require.Equal(t, int64(begin), debug.SetMemoryLimit(-1), "it waits")

	runtime.GC()
	require.Eventually(t, func() bool { return debug.SetMemoryLimit(-1) == math.MaxInt64 }, 10*time.Second, time.Millisecond)
	require.Equal(t, percent, debug.SetGCPercent(percent))
}
