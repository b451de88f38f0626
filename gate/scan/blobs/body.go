package blobs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// unfinished begins the names of files that are being written.
const unfinished = ".new-"

func newHash() hash.Hash { return sha256.New() }

func is(h hash.Hash, digest string) bool { return "sha256:"+hex.EncodeToString(h.Sum(nil)) == digest }

func discard(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name()) // if it stays, it is swept with the folder
}

// keeping is a body that is written to a file as it is read.
type keeping struct {
	io.ReadCloser
	cache  *Cache
	digest string
	file   *os.File // nil: nothing is kept any more
	hash   hash.Hash
	bytes  int64
	ended  sync.Once
}

func (k *keeping) Read(p []byte) (int, error) {
	n, err := k.ReadCloser.Read(p)
	k.write(p[:n])
	if errors.Is(err, io.EOF) {
		k.end()
	}
	return n, err
}

// write keeps what was read, as long as it fits.
func (k *keeping) write(p []byte) {
	if k.file == nil {
		return
	}
	k.bytes += int64(len(p))
	_, _ = k.hash.Write(p) // a hash does not fail
	if _, err := k.file.Write(p); err != nil || k.bytes > k.cache.limit {
		discard(k.file)
		k.file = nil
	}
}

// end puts a whole blob in its place, and lets those go on who wait for it.
func (k *keeping) end() {
	k.ended.Do(func() {
		defer k.cache.release(k.digest)
		if k.file == nil {
			return
		}
		if !is(k.hash, k.digest) || os.Rename(k.file.Name(), k.cache.path(k.digest)) != nil {
			discard(k.file)
			return
		}
		_ = k.file.Close() // what is torn has another digest
		k.cache.grew(k.bytes)
	})
}

func (k *keeping) Close() error {
	err := k.ReadCloser.Close()
	k.end() // some read no further than the length: the digest tells
	return err
}

// find answers from the folder; nil where there is nothing.
func (c *Cache) find(request *http.Request, digest string) *http.Response {
	f, err := os.Open(c.path(digest))
	if err != nil {
		return nil
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		_ = f.Close() // it was only looked at
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(f.Name(), now, now) // so that it is not the first to go
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/octet-stream"}}, Request: request,
		ContentLength: info.Size(), Body: &checked{File: f, digest: digest, hash: newHash()},
	}
}

// checked is a file that is removed when it turns out to be another.
type checked struct {
	*os.File
	digest string
	hash   hash.Hash
}

func (b *checked) Read(p []byte) (int, error) {
	n, err := b.File.Read(p)
	_, _ = b.hash.Write(p[:n]) // a hash does not fail
	if errors.Is(err, io.EOF) && !is(b.hash, b.digest) {
		_ = os.Remove(b.Name()) // who reads it finds out, too; the next one pulls
	}
	return n, err
}

// WriteTo hides that of os.File, which would go past Read.
func (b *checked) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{b})
}
