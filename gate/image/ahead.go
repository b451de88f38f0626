package image

import (
	"io"

	"github.com/klauspost/readahead"
)

// What is unpacked ahead of who reads it: enough that neither waits for the other at
// each file, and no more than a layer may cost in memory, in bytes.
const (
	aheadBuffers = 4
	aheadBytes   = 128 << 10
	// aheadFrom is the compressed size of a layer for which that is worth its while.
	aheadFrom = 1 << 20
)

// readAhead reads on a goroutine of its own, which ends with Close: unpacking and
// looking at what was unpacked take about as long as each other, and are done side by
// side. A panic of a decoder becomes an error. Size is that of the layer as it is sent,
// in bytes.
func readAhead(from io.Reader, size int64) io.ReadCloser {
	if size != unknownSize && size < aheadFrom {
		return io.NopCloser(from)
	}
	ahead, err := readahead.NewReaderSize(from, aheadBuffers, aheadBytes)
	if err != nil {
		panic(err) // the sizes are constants
	}
	return ahead
}
