package store_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkStore puts and gets what the facts about images look like: a few
// kilobytes of JSON for the files, some megabytes for a bill of materials.
func BenchmarkStore(b *testing.B) {
	for _, size := range []int{2 << 10, 100 << 10, 4 << 20} {
		var value bytes.Buffer
		for i := 0; value.Len() < size; i++ {
			fmt.Fprintf(&value, `{"name":"package-%d","version":"%d.%d.%d","type":"deb"},`, i, i%7, i%13, i)
		}
		s, _ := onDisk(b, b.TempDir())
		b.Run(fmt.Sprintf("put/%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(value.Len()))
			b.ReportAllocs()
			for b.Loop() {
				s.Put(b.Context(), "key", value.Bytes())
			}
		})
		b.Run(fmt.Sprintf("get/%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(value.Len()))
			b.ReportAllocs()
			for b.Loop() {
				_, _, ok := s.Get(b.Context(), "key")
				require.True(b, ok)
			}
		})
		b.Run(fmt.Sprintf("miss/%dKiB", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, ok := s.Get(b.Context(), "another key")
				require.False(b, ok)
			}
		})
	}
}
