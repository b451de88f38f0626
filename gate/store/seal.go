package store

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	magic = "imagegate-store/1\n"
	// maxHeader bounds a header, in bytes.
	maxHeader = 4 << 10
	// sealedAt is where the sealed part of an entry begins.
	sealedAt = len(magic) + sha256.Size
)

// header says what an entry is.
type header struct {
	Key     string    `json:"key"`
	Written time.Time `json:"written"`
	Packing packing   `json:"packing,omitempty"`
}

// The reasons why an entry is not believed.
var (
	errForeign = errors.New("it is no entry of this store")
	errBroken  = errors.New("its seal is broken: it was cut short, edited or made elsewhere")
	errOther   = errors.New("it is the entry of another key")
)

// nameOf is the name of the entry of a key.
func nameOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// seal makes an entry.
func seal(secret []byte, h header, value pieces) (pieces, error) {
	h.Packing, value = pack(value)
	described, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("describing the entry: %w", err)
	}
	if len(described) > maxHeader {
		return nil, fmt.Errorf("the key of %d bytes is too long", len(h.Key))
	}
	head := make([]byte, sealedAt, sealedAt+4+len(described))
	copy(head, magic)
	head = binary.BigEndian.AppendUint32(head, uint32(len(described)))
	head = append(head, described...)
	entry := append(pieces{head[sealedAt:]}, value...)
	copy(head[len(magic):], mac(secret, entry...))
	entry[0] = head
	return entry, nil
}

func mac(secret []byte, sealed ...[]byte) []byte {
	m := hmac.New(sha256.New, secret)
	for _, piece := range sealed {
		_, _ = m.Write(piece) // a hash does not fail
	}
	return m.Sum(nil)
}

// unseal returns what was sealed under a key. Nothing of an entry but its length
// is looked at before its seal holds.
func unseal(secret []byte, key string, entry []byte) (header, []byte, error) {
	if len(entry) < sealedAt || !bytes.HasPrefix(entry, []byte(magic)) {
		return header{}, nil, errForeign
	}
	if !hmac.Equal(entry[len(magic):sealedAt], mac(secret, entry[sealedAt:])) {
		return header{}, nil, errBroken
	}
	h, value, err := open(entry)
	if err != nil {
		return header{}, nil, err
	}
	if h.Key != key {
		return header{}, nil, errOther
	}
	value, err = unpack(h.Packing, value)
	return h, value, err
}

// open takes an entry apart, whether its seal holds or not.
func open(entry []byte) (h header, value []byte, err error) {
	if len(entry) < sealedAt+4 || !bytes.HasPrefix(entry, []byte(magic)) {
		return header{}, nil, errForeign
	}
	size := int64(binary.BigEndian.Uint32(entry[sealedAt:]))
	rest := entry[sealedAt+4:]
	if size > maxHeader || size > int64(len(rest)) {
		return header{}, nil, errForeign
	}
	if err := json.Unmarshal(rest[:size], &h); err != nil {
		return header{}, nil, errForeign
	}
	return h, rest[size:], nil
}
