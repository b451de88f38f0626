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

// pack compresses a value, unless it comes in pieces.
func pack(value pieces) (packing, pieces) {
	if len(value) != 1 || len(value[0]) < packFrom {
		return plain, value
	}
	e, err := encoder()
	if err != nil {
		return plain, value
	}
	return compressed, pieces{e.EncodeAll(value[0], nil)}
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
