package collector

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The collector begins when there is something to collect, and then keeps within a
// bound, until the process serves.
func TestTheFirstCollectionEndsTheWait(t *testing.T) {
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { serving.yes = false; debug.SetGCPercent(before); debug.SetMemoryLimit(math.MaxInt64) })
	wait()
	require.Equal(t, int64(begin), debug.SetMemoryLimit(-1), "it waits")

	runtime.GC()
	require.Eventually(t, func() bool { return debug.SetMemoryLimit(-1) == firstBound }, 10*time.Second, time.Millisecond)
	require.GreaterOrEqual(t, debug.SetGCPercent(percent), percent, "it takes its time, since there is room")

	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	Serve()
	require.Equal(t, int64(math.MaxInt64), debug.SetMemoryLimit(-1))
	require.Equal(t, percentServing, debug.SetGCPercent(percentServing))
}

// A bound that leaves no room would let the collector run all the time.
func TestTheBoundLeavesRoom(t *testing.T) {
	t.Parallel()
	require.Equal(t, int64(800), raised(800, 0))
	require.Equal(t, int64(800), raised(800, 700))
	require.Equal(t, int64(1600), raised(800, 701))
	require.Equal(t, int64(6400), raised(800, 5000))
}

// The memory that the heap had when the collector began is used again.
func TestGarbageFillsWhatTheHeapHasAnyway(t *testing.T) {
	t.Parallel()
	require.Equal(t, 300, garbage(refill/4))
	require.Equal(t, 100, garbage(refill/2))
	require.Equal(t, percent, garbage(refill), "none of it is left")
	require.Equal(t, percent, garbage(10*refill))
	require.Positive(t, garbage(0))
}
