package store

import (
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// packing is how a value is kept: as it is, or compressed.
type packing string

const (
	plain      packing = ""
	compressed packing = "zstd"
)

const (
	// packFrom is the size from which a value is compressed: JSON shrinks to a tenth,
	// and a file of one block stays one.
	packFrom = 4 << 10
	// sampleFrom is the size from which it is worth to look first whether a value is
	// compressed already, as layers are.
	sampleFrom = 1 << 20
	// MaxValue bounds a value, in bytes.
	MaxValue = 256 << 20
)

// The coders are made when the first value needs them: they cost memory, and
// most runs of the program need none.
var (
	encoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	})
	decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(MaxValue))
	})
)

func pack(value pieces) (packing, pieces) {
	if value.size() < packFrom {
		return plain, value
	}
	e, err := encoder()
	if err != nil || isPacked(e, value) {
		return plain, value
	}
	return compressed, pieces{e.EncodeAll(value.joined(), nil)}
}

// isPacked says whether a value is compressed already, by a sample from its middle.
func isPacked(e *zstd.Encoder, value pieces) bool {
	if value.size() < sampleFrom {
		return false
	}
	middle := value[len(value)/2]
	sample := middle[len(middle)/2:]
	sample = sample[:min(len(sample), packFrom)]
	return len(e.EncodeAll(sample, nil)) >= len(sample)
}

func unpack(p packing, value []byte) ([]byte, error) {
	switch p {
	case plain:
		return value, nil
	case compressed:
		d, err := decoder()
		if err != nil {
			return nil, err
		}
		value, err = d.DecodeAll(value, nil)
		if err != nil {
			return nil, fmt.Errorf("unpacking it: %w", err)
		}
		return value, nil
	}
	return nil, errors.New("it is packed in an unknown way")
}
