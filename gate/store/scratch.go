package store

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Scratch remembers for the time of one process, where nothing may be kept beyond
// it: images of one call that share content then still share the work. It
// implements gate.Memory and is safe for concurrent use.
type Scratch struct {
	mu     sync.Mutex
	values map[string]scratched
	left   int64
}

type scratched struct {
	value   []byte
	written time.Time
}

// NewScratch remembers up to so many bytes; what is beyond is not remembered.
func NewScratch(limit int64) *Scratch {
	return &Scratch{values: map[string]scratched{}, left: limit}
}

// Get implements gate.Memory.
func (s *Scratch) Get(_ context.Context, key string) ([]byte, time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.values[key]
	return known.value, time.Since(known.written), ok
}

// Put implements gate.Memory.
func (s *Scratch) Put(_ context.Context, key string, pieces ...[]byte) {
	value := slices.Concat(pieces...)
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.left + int64(len(s.values[key].value)) - int64(len(value))
	if left < 0 {
		return
	}
	s.left = left
	s.values[key] = scratched{value, time.Now()}
}
