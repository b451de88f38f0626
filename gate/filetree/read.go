package filetree

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/imagegate/imagegate/sbom/dense"
)

// Keep says whether the content of a regular file will be asked for. Path is the
// entry's, absolute and clean (parents that are links are not resolved); head is
// its first HeadSize bytes, or all of it if it is smaller, and only valid during
// the call; size is that of the whole file, never 0. Layers that are read in parallel
// ask in parallel.
type Keep func(path string, head []byte, size int64) bool

// Rules say what is kept of the files of a layer.
type Rules struct {
	Keep     Keep     // which files; nil: none
	Condense Condense // what of them; nil: all
}

// HeadSize is how much of each file Keep sees. Media types are recognised by no
// more than that.
const HeadSize = 3072

// ReadLayer reads one layer: the uncompressed tar, to the end of the stream and
// not only of the archive. The diff id is taken on trust; whoever decompresses
// compares it. Errors are those of the stream, a *LimitError, an *EntryError, a
// *SpillError, or that the stream is no tar.
func (s *Store) ReadLayer(ctx context.Context, diffID string, uncompressed io.Reader, rules Rules) (*Layer, error) {
	meter := &meter{ctx: ctx, reader: uncompressed, store: s}
	stream := bufio.NewReaderSize(meter, copyBuffer)
	r := &layerReader{
		Layer: newLayer(s, diffID),
		tar:   tar.NewReader(stream),
		rules: rules,
	}
	r.links.Add(r.texts.Add(""))
	r.dirIndex = dense.NewTable(0, func(number uint32) (uint32, string) { return 0, r.dir(number - 1) })
	err := r.readAll()
	if err == nil {
		_, err = io.Copy(io.Discard, stream)
	}
	if err != nil {
		r.giveBack()
		s.stream.giveBack(meter.bytes)
		return nil, fmt.Errorf("reading layer %s: %w", diffID, err)
	}
	r.bytes = meter.bytes
	return r.Layer, nil
}

// layerReader is the state of ReadLayer.
type layerReader struct {
	*Layer
	tar      *tar.Reader
	rules    Rules
	content  []byte       // scratch of condensed
	dirIndex *dense.Table // of dirs; number + 1
	head     [HeadSize]byte
	files    int64 // sum of the sizes of the files
	memory   int64 // content that is in memory
	names    int64 // bytes of names
}

func (r *layerReader) readAll() error {
	for {
		hdr, err := r.tar.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, tar.ErrInsecurePath): // cleanName secures it
			return err
		case hdr.Typeflag == tar.TypeXGlobalHeader:
			continue
		}
		if err := r.read(hdr); err != nil {
			return err
		}
	}
}

// read adds one entry.
func (r *layerReader) read(hdr *tar.Header) error {
	if err := r.checkSizes(hdr); err != nil {
		return err
	}
	name := cleanName(hdr.Name)
	if strings.Count(name, "/") > r.store.limits.Depth {
		return depthError(&r.store.limits)
	}
	dir, base := split(name)
	kind, base, ok := kindOf(hdr, base)
	if !ok {
		return nil
	}
	if problem := flaw(hdr, kind, base); problem != "" {
		return &EntryError{DiffID: r.diffID, Name: name, Problem: problem}
	}
	mode, _ := modeOf(hdr)
	e := entry{mode: mode, owner: r.own(owner{int64(hdr.Uid), int64(hdr.Gid)}), kind: kind}
	if err := r.addNames(&e, dir, base, linkOf(hdr, kind)); err != nil {
		return err
	}
	if e.hasContent() {
		e.size = hdr.Size
		if err := r.addBody(&e, name); err != nil {
			return fmt.Errorf("reading %s: %w", quote(name), err)
		}
	}
	if e.isFile() {
		if err := r.addCapability(uint32(r.entries.Len()), capabilityOf(hdr)); err != nil {
			return err
		}
	}
	if err := r.store.entries.take(1); err != nil {
		return err
	}
	r.entries.Add(e)
	return nil
}

// checkSizes holds the limits that a header alone can break.
func (r *layerReader) checkSizes(hdr *tar.Header) error {
	limits := &r.store.limits
	if len(hdr.Name) > limits.PathLength || len(hdr.Linkname) > limits.PathLength {
		return pathLengthError(limits)
	}
	// A sparse file is larger than its part of the stream.
	if hdr.Size > limits.LayerBytes-r.files {
		return layerBytesError(limits)
	}
	r.files += hdr.Size
	return nil
}

// addNames copies the names of an entry into the layer, a directory only once.
func (r *layerReader) addNames(e *entry, dir, base, link string) error {
	size := int64(len(base) + len(link))
	known := r.dirIndex.Find(0, dir)
	if known == 0 {
		size += int64(len(dir))
	}
	if err := r.store.names.take(size); err != nil {
		return err
	}
	r.names += size
	e.base = r.texts.Add(base)
	if known == 0 {
		known = r.dirs.Add(r.texts.Add(dir)) + 1
		r.dirIndex.Add(known)
	}
	e.dir = known - 1
	if link != "" {
		e.more = r.links.Add(r.texts.Add(link))
	}
	return nil
}

// addBody reads the beginning of a file, asks whether it is to be kept, and keeps
// it.
func (r *layerReader) addBody(e *entry, name string) error {
	if e.size == 0 || r.rules.Keep == nil {
		return nil
	}
	head := r.head[:min(e.size, HeadSize)]
	if _, err := io.ReadFull(r.tar, head); err != nil {
		return unexpected(err)
	}
	if !r.rules.Keep(name, head, e.size) {
		return nil
	}
	b, err := r.condensed(name, head, e.size)
	if err != nil {
		return err
	}
	if b.data != nil {
		r.memory += b.kept()
	}
	e.more = uint32(len(r.bodies))
	r.bodies = append(r.bodies, b)
	return nil
}

// giveBack returns what a layer that could not be read has taken. Its part of the
// temporary file stays taken.
func (r *layerReader) giveBack() {
	r.store.entries.giveBack(int64(r.entries.Len()))
	r.store.names.giveBack(r.names)
	r.store.memory.giveBack(r.memory)
	r.store.capabilities.giveBack(int64(len(r.capabilities)))
}
