package catalog_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/sbom/catalog"
)

// BenchmarkResolver measures what the indexes of a resolver leave in memory of an
// image of nothing but names, for each of them.
func BenchmarkResolver(b *testing.B) {
	const files = 100_000
	entries := make([]gatetest.Entry, files)
	for i := range entries {
		entries[i] = entry(fmt.Sprintf("/some/directory/%05d/an-empty-file-%d.js", i/100, i), "")
	}
	tree := newTree(b, layered(b, entries), everything)
	b.ReportAllocs()
	for b.Loop() {
		before := heap()
		resolver, err := catalog.Resolver(b.Context(), tree)
		require.NoError(b, err)
		b.ReportMetric(float64(heap()-before)/files, "resolver-B/entry")
		require.True(b, resolver.HasPath("/some/directory"))
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
