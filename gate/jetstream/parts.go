package jetstream

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/imagegate/imagegate/gate/store"
)

const (
	// partBytes is how much of an entry goes into one message: half of what a server
	// takes unless told otherwise, and half of what it takes if that is less.
	partBytes = 512 << 10
	// maxParts bounds what the first part may claim.
	maxParts = (store.MaxValue+1<<20)/partBytes + 1
	// headBytes at the start of the first part say how many parts there are (4, big
	// endian), and how long all of them are (8).
	headBytes = 4 + 8
)

// get joins the parts of an entry. One that is missing, or of another entry, makes
// it none.
func (e *Entries) get(ctx context.Context, values natsjs.KeyValue, name string) ([]byte, error) {
	first, err := e.getPart(ctx, values, name)
	if err != nil {
		return nil, err
	}
	if len(first) < headBytes {
		return nil, fs.ErrNotExist
	}
	parts, size := binary.BigEndian.Uint32(first), binary.BigEndian.Uint64(first[4:])
	if parts == 0 || parts > maxParts || size > uint64(parts)*partBytes {
		return nil, fs.ErrNotExist
	}
	entry := first[headBytes:]
	for i := uint32(1); i < parts; i++ {
		part, err := e.getPart(ctx, values, partName(name, int(i)))
		if err != nil {
			return nil, err
		}
		if entry = append(entry, part...); uint64(len(entry)) > size {
			return nil, fs.ErrNotExist
		}
	}
	if uint64(len(entry)) != size {
		return nil, fs.ErrNotExist
	}
	return entry, nil
}

func (e *Entries) getPart(ctx context.Context, values natsjs.KeyValue, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, e.bucket.Wait)
	defer cancel()
	found, err := values.Get(ctx, key)
	if errors.Is(err, natsjs.ErrKeyNotFound) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	return found.Value(), nil
}

// put writes the first part last: an entry that is not whole has none, or the one of
// before, whose seal then breaks.
func (e *Entries) put(ctx context.Context, values natsjs.KeyValue, name string, entry io.Reader, size int64) error {
	most := min(partBytes, e.connection.nc.MaxPayload()/2)
	if size > most*maxParts || most <= headBytes {
		return fmt.Errorf("%d bytes are too many for messages of %d", size, most)
	}
	first := make([]byte, headBytes+min(size, most-headBytes))
	if _, err := io.ReadFull(entry, first[headBytes:]); err != nil {
		return err
	}
	parts := 1
	for left := size - int64(len(first)-headBytes); left > 0; parts++ {
		part := make([]byte, min(left, most))
		if _, err := io.ReadFull(entry, part); err != nil {
			return err
		}
		if err := e.putPart(ctx, values, partName(name, parts), part); err != nil {
			return err
		}
		left -= int64(len(part))
	}
	binary.BigEndian.PutUint32(first, uint32(parts))
	binary.BigEndian.PutUint64(first[4:], uint64(size))
	return e.putPart(ctx, values, name, first)
}

func (e *Entries) putPart(ctx context.Context, values natsjs.KeyValue, key string, part []byte) error {
	ctx, cancel := context.WithTimeout(ctx, e.bucket.Wait)
	defer cancel()
	_, err := values.Put(ctx, key, part)
	return err
}

func partName(name string, part int) string { return name + "." + strconv.Itoa(part) }
