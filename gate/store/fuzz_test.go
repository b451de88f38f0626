package store_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/store"
)

// one is a backend of one entry, whatever its name.
type one struct{ entry []byte }

func (o *one) Get(context.Context, string) ([]byte, error) {
	if o.entry == nil {
		return nil, fs.ErrNotExist
	}
	return o.entry, nil
}

func (o *one) Put(_ context.Context, _ string, entry io.Reader, size int64) (err error) {
	o.entry = make([]byte, size)
	_, err = io.ReadFull(entry, o.entry)
	return err
}

// FuzzEntry reads entries that somebody else wrote: only the sealed one is believed.
func FuzzEntry(f *testing.F) {
	backend := &one{}
	s, err := store.New(backend, make([]byte, store.SecretSize))
	require.NoError(f, err)
	s.Put(f.Context(), "key", []byte("value"))
	sealed := string(backend.entry)
	f.Add([]byte(sealed))
	f.Add([]byte("imagegate-store/1\n"))
	f.Add([]byte(sealed[:len(sealed)-1]))
	f.Fuzz(func(t *testing.T, entry []byte) {
		other, err := store.New(&one{entry}, make([]byte, store.SecretSize))
		require.NoError(t, err)
		value, _, ok := other.Get(t.Context(), "key")
		if !ok {
			require.NotEqual(t, sealed, string(entry))
			return
		}
		// A seed that another process of the fuzzer sealed; no bit of it may change.
		require.Equal(t, "value", string(value))
		for i := range entry {
			spoilt := bytes.Clone(entry)
			spoilt[i] ^= 1
			other, err := store.New(&one{spoilt}, make([]byte, store.SecretSize))
			require.NoError(t, err)
			_, _, ok := other.Get(t.Context(), "key")
			require.False(t, ok, "byte %d", i)
		}
	})
}
