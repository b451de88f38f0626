// Package collector decides when the garbage collector of the command begins, and
// how much garbage it leaves. It knows nothing of what the command does.
//
// The engines that are linked into the command allocate some 30 MiB before main, and
// nearly all of that stays. Go's collector, which begins at 4 MiB, goes over it three
// times in vain: a third of what a check costs that remembers everything. So the
// first collection waits until there is something to collect. From then on less
// garbage is left than by default: a check makes much of it and keeps little, so that
// collecting is cheap here and memory is not.
//
// Packages are initialised in the order of their import paths as far as their own
// imports allow (Go specification, "Package initialization"), so this one, which
// imports next to nothing, is initialised before most of the engines.
//
// GOGC and GOMEMLIMIT in the environment mean what they always mean.
package collector

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
)

const (
	// percent is how much garbage may lie beside what is in use. Go's default is 100.
	percent = 50
	// percentServing is the same for a process that answers in milliseconds all day:
	// each collection makes some of its answers late, and what it holds is little.
	percentServing = 300
	// begin is how much memory is in use when the collector begins, in bytes.
	begin = 64 << 20
)

// then is what counts once the wait is over.
var then atomic.Int64

func init() {
	then.Store(percent)
	if ours() {
		wait()
	}
}

// ours is false where the environment says how to collect.
func ours() bool { return os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" }

// Serve tells that this process is to answer others. Call it once, at its start.
func Serve() {
	if ours() {
		then.Store(percentServing)
		runtime.GC() // ends the wait, if it is not over yet
		debug.SetGCPercent(percentServing)
	}
}

// wait lets the first collection wait. It is noticed by an object that nobody holds.
func wait() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(begin)
	runtime.AddCleanup(new([16]byte), func(struct{}) {
		debug.SetGCPercent(int(then.Load()))
		debug.SetMemoryLimit(math.MaxInt64)
	}, struct{}{})
}
