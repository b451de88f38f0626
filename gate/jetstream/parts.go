package jetstream

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
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
func (e *Entries) put(ctx context.Context, values natsjs.KeyValue, name string, entry []byte) error {
	size := min(partBytes, int(e.connection.nc.MaxPayload()/2))
	if len(entry) > size*maxParts || size <= headBytes {
		return fmt.Errorf("%d bytes are too many for messages of %d", len(entry), size)
	}
	first, rest := entry[:min(len(entry), size-headBytes)], entry[min(len(entry), size-headBytes):]
	parts := 1
	for ; len(rest) > 0; parts++ {
		n := min(size, len(rest))
		if err := e.putPart(ctx, values, partName(name, parts), rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	head := binary.BigEndian.AppendUint32(make([]byte, 0, headBytes+len(first)), uint32(parts))
	head = binary.BigEndian.AppendUint64(head, uint64(len(entry)))
	return e.putPart(ctx, values, name, append(head, first...))
}

func (e *Entries) putPart(ctx context.Context, values natsjs.KeyValue, key string, part []byte) error {
	ctx, cancel := context.WithTimeout(ctx, e.bucket.Wait)
	defer cancel()
	_, err := values.Put(ctx, key, part)
	return err
}

func partName(name string, part int) string { return name + "." + strconv.Itoa(part) }
