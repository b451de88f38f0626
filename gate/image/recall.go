package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/s2"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/filetree"
)

// maxRemembered is the largest layer that is remembered, as packed: what it stated and
// what was kept of it, not what it holds.
const maxRemembered = 32 << 20

// WithLayers remembers what each layer yielded, in the memory of WithMemory, so that
// images which share a base share the work, and nothing of it is pulled again. Rules
// names everything besides its bytes that a layer's yield depends on: those of WithRules.
// Default: every layer is read for every image.
func WithLayers(rules string) Option {
	return func(s *settings) error {
		s.layers = &layerMemory{rules: rules, busy: map[string]chan struct{}{}}
		return nil
	}
}

// layerMemory remembers layers, and lets nobody read a layer that somebody else is
// reading. All methods of nil read and remember nothing.
type layerMemory struct {
	memory gate.Memory
	rules  string

	mu   sync.Mutex
	busy map[string]chan struct{} // by key; closed when it is free
}

// in is the layer memory that keeps in another one; nil where there is neither.
func (m *layerMemory) in(memory gate.Memory) *layerMemory {
	if m == nil || memory == nil {
		return nil
	}
	m.memory = memory
	return m
}

// key names a layer by all that was verified when it was read: a manifest that pairs
// another blob with the diff id is another layer, and gets verified.
func (m *layerMemory) key(descriptor v1.Descriptor, diffID v1.Hash) string {
	return fmt.Sprintf("layer %s %s %s %d %s", m.rules, diffID, descriptor.Digest, descriptor.Size, descriptor.MediaType)
}

// layer returns what is remembered, or reads the layer and remembers that.
func (m *layerMemory) layer(ctx context.Context, store *filetree.Store, descriptor v1.Descriptor, diffID v1.Hash, read func() (*filetree.Layer, error)) (*filetree.Layer, error) {
	if m == nil {
		return read()
	}
	key := m.key(descriptor, diffID)
	free, err := m.alone(ctx, key)
	if err != nil {
		return nil, err
	}
	defer free()
	if data, _, ok := m.memory.Get(ctx, key); ok {
		layer, err := unpackLayer(store, diffID.String(), data)
		if err == nil || errors.As(err, new(*filetree.LimitError)) {
			return layer, err
		}
	}
	layer, err := read()
	if err != nil {
		return nil, err
	}
	if data, err := packLayer(layer); err == nil {
		m.memory.Put(ctx, key, data...)
	}
	return layer, nil
}

// packedBlock is how much is compressed at once, in bytes.
const packedBlock = 256 << 10

// packLayer compresses while it encodes, so that the layer is not in memory twice. S2
// takes half the time of the fastest zstd and two fifths more space: what is written by
// each first check is read by some later ones at most.
func packLayer(layer *filetree.Layer) ([][]byte, error) {
	var out bounded
	packer := s2.NewWriter(&out, s2.WriterBlockSize(packedBlock), s2.WriterConcurrency(1))
	err := layer.Encode(packer)
	if closing := packer.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, err
	}
	return out.pieces, nil
}

func unpackLayer(store *filetree.Store, diffID string, data []byte) (*filetree.Layer, error) {
	return store.DecodeLayer(diffID, s2.NewReader(bytes.NewReader(data), s2.ReaderMaxBlockSize(packedBlock)))
}

// bounded is a buffer that ends where a layer is too large to be remembered. It grows
// by pieces: one that is copied each time it grows costs a multiple of itself, and this
// one gets large.
type bounded struct {
	pieces [][]byte
	size   int
}

// pieceBytes is the size of a piece.
const pieceBytes = 256 << 10

var errTooLarge = errors.New("the layer is too large to be remembered")

func (b *bounded) Write(p []byte) (int, error) {
	if b.size+len(p) > maxRemembered {
		return 0, errTooLarge
	}
	for rest := p; len(rest) > 0; {
		if b.size%pieceBytes == 0 {
			b.pieces = append(b.pieces, make([]byte, 0, pieceBytes))
		}
		last := &b.pieces[len(b.pieces)-1]
		n := min(len(rest), cap(*last)-len(*last))
		*last = append(*last, rest[:n]...)
		b.size += n
		rest = rest[n:]
	}
	return len(p), nil
}

// alone waits until nobody else reads the layer. Whoever waited finds it remembered.
func (m *layerMemory) alone(ctx context.Context, key string) (free func(), err error) {
	for {
		m.mu.Lock()
		other, taken := m.busy[key]
		if !taken {
			mine := make(chan struct{})
			m.busy[key] = mine
			m.mu.Unlock()
			return func() { m.free(key, mine) }, nil
		}
		m.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the same layer: %w", context.Cause(ctx))
		}
	}
}

func (m *layerMemory) free(key string, mine chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.busy, key)
	close(mine)
}
