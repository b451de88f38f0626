// Package collector decides when the garbage collector of the command begins, and
// how much garbage it leaves. It knows nothing of what the command does.
//
// The engines that are linked into the command allocate some 30 MiB before main, and
// nearly all of that stays. Go's collector, which begins at 4 MiB, goes over it three
// times in vain: a third of what a check costs that remembers everything. So the
// first collection waits until there is something to collect. The memory that the heap
// had by then is the process's, whether it is used or not: so the heap may grow to
// nearly the same size each time before it is collected again. Where what is in use leaves
// too little of that, less garbage is left beside it than by default: a check makes
// much of it and keeps little, so that collecting is cheap here and memory is not.
//
// Memory also has a soft bound, near which the collector works harder and gives back
// at once what is free. A usual image stays within the first one. What is in use when
// an image needs more decides the next bound, twice as high: a bound that leaves no
// room would let the collector run all the time.
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
	"runtime/metrics"
	"sync"
)

const (
	// never is so much garbage that only the bound makes the collector begin, in percent.
	never = 1 << 20
	// percent is how much garbage may lie beside what is in use in any case. Go's default
	// is 100.
	percent = 50
	// percentServing is the same for a process that answers in milliseconds all day:
	// each collection makes some of its answers late, and what it holds is little.
	percentServing = 300
	// begin is how much memory is in use when the collector begins, in bytes.
	begin = 64 << 20
	// refill is the size to which the heap may always grow before it is collected again,
	// in bytes. At begin it is some 48 MiB, the rest being what the runtime keeps for
	// itself; a quarter less leaves the engines' own memory (SQLite's) its place.
	refill = 36 << 20
	// firstBound is the first soft bound of memory, in bytes.
	firstBound = 72 << 20
)

// serving is set once this process answers others: it has no bound.
var serving struct {
	sync.Mutex
	yes bool
}

func init() {
	if ours() {
		wait()
	}
}

// ours is false where the environment says how to collect.
func ours() bool { return os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" }

// Serve tells that this process is to answer others. Call it once, at its start.
func Serve() {
	if !ours() {
		return
	}
	serving.Lock()
	defer serving.Unlock()
	serving.yes = true
	debug.SetGCPercent(percentServing)
	debug.SetMemoryLimit(math.MaxInt64)
}

// wait lets the first collection wait.
func wait() {
	debug.SetMemoryLimit(begin)
	debug.SetGCPercent(never) // and not -1, with which it waits for a collection to end
	afterCollection(func() { keepWithin(firstBound) })
}

// keepWithin sets the bound and how much garbage may lie, and looks after each
// collection whether they still fit what is in use.
func keepWithin(bound int64) {
	used := inUse()
	bound = raised(bound, used)
	debug.SetMemoryLimit(bound)
	debug.SetGCPercent(garbage(used))
	afterCollection(func() { keepWithin(bound) })
}

// garbage lets the heap grow to refill, or by percent where that is more.
func garbage(inUse int64) int {
	return max(percent, int((refill-inUse)*100/max(inUse, 1<<20)))
}

// raised is the bound that leaves an eighth of itself free.
func raised(bound, inUse int64) int64 {
	for inUse > bound/8*7 {
		bound *= 2
	}
	return bound
}

// inUse is what the last collection left, in bytes.
func inUse() int64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return int64(live[0].Value.Uint64())
}

// afterCollection calls then after the next collection, unless this process serves. A
// collection is noticed by an object that nobody holds.
func afterCollection(then func()) {
	runtime.AddCleanup(new([16]byte), func(struct{}) {
		serving.Lock()
		defer serving.Unlock()
		if !serving.yes {
			then()
		}
	}, struct{}{})
}
