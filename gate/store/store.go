package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"
)

// Backend keeps entries by name: 64 hexadecimal digits. It need not be trusted.
// Implementations are safe for concurrent use, by several processes too.
type Backend interface {
	// Get returns the entry of that name; fs.ErrNotExist where there is none.
	Get(ctx context.Context, name string) ([]byte, error)
	// Put replaces the entry of that name as a whole, by one of so many bytes.
	Put(ctx context.Context, name string, entry io.Reader, size int64) error
}

// SecretSize is the size of a secret, in bytes.
const SecretSize = 32

// Store remembers values in a Backend. It implements gate.Memory and is safe for
// concurrent use.
type Store struct {
	backend Backend
	secret  []byte
	now     func() time.Time
	warn    func(error)
	once    sync.Once
}

// Option changes how a Store works.
type Option func(*Store)

// WithWarning is told, once, that the backend cannot be read or written: the gate
// works without its memory, but somebody wants to know why it is slow. Damaged
// entries are no reason for it. Default: nobody.
func WithWarning(warn func(error)) Option { return func(s *Store) { s.warn = warn } }

// WithClock replaces the clock that the age of entries is counted by. Default
// time.Now.
func WithClock(now func() time.Time) Option { return func(s *Store) { s.now = now } }

// New makes a Store that seals with a secret of SecretSize bytes.
func New(backend Backend, secret []byte, options ...Option) (*Store, error) {
	if len(secret) != SecretSize {
		return nil, fmt.Errorf("the secret of a store has %d bytes, not %d", SecretSize, len(secret))
	}
	s := &Store{backend: backend, secret: secret, now: time.Now, warn: func(error) {}}
	for _, option := range options {
		option(s)
	}
	return s, nil
}

// Get returns what was put under a key, and how long ago. It is false where there
// is nothing that can be believed. An entry from the future has the age 0.
func (s *Store) Get(ctx context.Context, key string) (value []byte, age time.Duration, ok bool) {
	entry, err := s.backend.Get(ctx, nameOf(key))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
			s.complain(fmt.Errorf("reading what is remembered: %w", err))
		}
		return nil, 0, false
	}
	h, value, err := unseal(s.secret, key, entry)
	if err != nil {
		return nil, 0, false
	}
	return value, max(s.now().Sub(h.Written), 0), true
}

// Put remembers a value under a key in place of what was there, compressed unless it
// comes in pieces. That it cannot be kept is no failure of whoever found it out.
func (s *Store) Put(ctx context.Context, key string, value ...[]byte) {
	if value := pieces(value); value.size() > MaxValue {
		return
	}
	entry, err := seal(s.secret, header{Key: key, Written: s.now().UTC()}, value)
	if err == nil {
		err = s.backend.Put(ctx, nameOf(key), entry.reader(), entry.size())
	}
	if err != nil && ctx.Err() == nil {
		s.complain(fmt.Errorf("remembering what was found: %w", err))
	}
}

func (s *Store) complain(err error) { s.once.Do(func() { s.warn(err) }) }
