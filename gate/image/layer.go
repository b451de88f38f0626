package image

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagegate/imagegate/gate/filetree"
)

// readLayer reads one layer as a stream, from the wire to the list of its files:
//
//	bytes as sent → limit, digest → decompress → limit, diff id → filetree
//
// The list is returned only after both digests were verified to the last byte.
func (p *platform) readLayer(ctx context.Context, store *filetree.Store, descriptor v1.Descriptor, diffID v1.Hash, rules filetree.Rules) (*filetree.Layer, error) {
	if err := checkMediaType(descriptor); err != nil {
		return nil, err
	}
	body, stored, err := p.from.openLayer(ctx, descriptor, diffID)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()

	sent, err := newSealed(p.watched(body, descriptor), stored.Digest, stored.Size)
	if err != nil {
		return nil, err
	}
	uncompressed, err := decompress(sent)
	if err != nil {
		return nil, sent.reason(err)
	}
	defer func() { _ = uncompressed.Close() }()
	ahead := readAhead(&ratioReader{from: uncompressed, sent: sent, ratio: p.reading.ratio}, stored.Size)
	defer func() { _ = ahead.Close() }()
	content, err := newSealed(ahead, diffID, unknownSize)
	if err != nil {
		return nil, err
	}
	layer, err := store.ReadLayer(ctx, diffID.String(), content, rules)
	_ = ahead.Close() // from here on nobody reads what was sent but who looks why
	if err != nil {
		return nil, sent.reason(err)
	}
	if err := sent.end("digest"); err != nil {
		return nil, err
	}
	if err := content.end("diff id"); err != nil {
		return nil, err
	}
	return layer, nil
}

// checkMediaType lets through the layers that a runtime would unpack from this
// registry. What is called non-distributable lies elsewhere, where it could be
// anything by the time a runtime fetches it.
func checkMediaType(descriptor v1.Descriptor) error {
	switch mediaType := descriptor.MediaType; {
	case !mediaType.IsLayer():
		return refuse("the layer has the media type %q, which cannot be read", mediaType)
	case !mediaType.IsDistributable():
		return refuse("the layer has the non-distributable media type %q: its content is not in the registry", mediaType)
	}
	return nil
}

const unknownSize = int64(-1)

// sealed is a stream whose digest is taken while it is read. It fails at the
// first byte beyond its size, and at its end if it is not what its digest says.
type sealed struct {
	from   io.Reader
	want   v1.Hash
	size   int64
	hasher hash.Hash
	read   int64
	err    error // the first one of from
}

func newSealed(from io.Reader, want v1.Hash, size int64) (*sealed, error) {
	hasher, err := v1.Hasher(want.Algorithm)
	if err != nil {
		return nil, refuse("its digest %s is of an unknown kind", want)
	}
	return &sealed{from: from, want: want, size: size, hasher: hasher}, nil
}

func (s *sealed) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.from.Read(p)
	s.read += int64(n)
	_, _ = s.hasher.Write(p[:n]) // a hash does not fail
	if s.size != unknownSize && s.read > s.size {
		err = refuse("it is longer than the %d bytes that its manifest states", s.size)
	}
	s.err = err
	return n, err
}

// reason prefers why the stream broke to what its reader made of it: a cut
// connection or a flipped bit looks like a bad archive from within.
func (s *sealed) reason(err error) error {
	switch {
	case s.err != nil && !errors.Is(s.err, io.EOF):
		return s.err
	case errors.As(err, new(*limitError)), errors.As(err, new(*filetree.LimitError)):
		return err // and no byte more
	}
	if damaged := s.end("digest"); damaged != nil {
		return damaged
	}
	if errors.As(err, new(interface{ Remedy() string })) {
		return err
	}
	return &contentError{err}
}

// contentError is a layer that arrived as its manifest names it, and cannot be
// unpacked.
type contentError struct{ err error }

func (e *contentError) Error() string { return e.err.Error() }
func (e *contentError) Unwrap() error { return e.err }

// Remedy is for whoever built the image: asking again gives the same bytes.
func (e *contentError) Remedy() string { return "build the image again: the layer is damaged" }

// end reads what was left over and compares the digest.
func (s *sealed) end(kind string) error {
	if _, err := io.Copy(io.Discard, s); err != nil {
		return err
	}
	if s.size != unknownSize && s.read < s.size {
		return (&refused{message: fmt.Sprintf("it ends after %d of %d bytes", s.read, s.size)}).advising(pushAgain)
	}
	if sum := hex.EncodeToString(s.hasher.Sum(nil)); sum != s.want.Hex {
		return &digestError{what: kind, want: s.want.String(), got: s.want.Algorithm + ":" + sum}
	}
	return nil
}

// ratioReader ends a stream that unfolds beyond all measure.
type ratioReader struct {
	from  io.Reader
	sent  *sealed
	ratio int64
	read  int64
}

func (r *ratioReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.read += int64(n)
	if r.read > ratioGrace && r.read/r.ratio > r.sent.read {
		return n, overLimit("Ratio", r.ratio, "the layer unfolds to more than %d bytes from %d", r.read, r.sent.read)
	}
	return n, err
}

// watched tells the progress of a layer, a few hundred times at most for a large
// one.
func (p *platform) watched(body io.Reader, descriptor v1.Descriptor) io.Reader {
	return &watchedLayer{from: body, tell: p.reading.progress, told: Progress{
		Reference: p.reference, Platform: p.name, Layer: descriptor.Digest.String(), Size: descriptor.Size,
	}}
}

type watchedLayer struct {
	from io.Reader
	tell func(Progress)
	told Progress
	read int64
}

func (w *watchedLayer) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	w.read += int64(n)
	if w.read-w.told.Read >= max(256*kib, w.told.Size/256) || err == io.EOF {
		w.told.Read = w.read
		w.tell(w.told)
	}
	return n, err
}
