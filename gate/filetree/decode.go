package filetree

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/dense"
)

// errEncoded is an encoded layer that no layer was encoded to. Whoever remembers
// layers has lost this one.
var errEncoded = errors.New("it is no encoded layer, or a damaged one")

// DecodeLayer makes a layer of what Encode wrote, as if it had been read: it counts
// against the limits, and its content is held by the store.
func (s *Store) DecodeLayer(diffID string, r io.Reader) (*Layer, error) {
	d := &decoder{
		store: s, layer: newLayer(s, diffID), in: bufio.NewReaderSize(r, copyBuffer),
	}
	if err := d.decode(); err != nil {
		d.giveBack()
		return nil, fmt.Errorf("decoding layer %s: %w", diffID, err)
	}
	return d.layer, nil
}

type decoder struct {
	store *Store
	layer *Layer
	in    *bufio.Reader
	bad   bool   // something did not make sense
	name  []byte // scratch of text

	names, memory, streamed int64 // what was taken of the store's allowances
}

func (d *decoder) decode() error {
	l := d.layer
	magic := make([]byte, len(layerMagic))
	if _, err := io.ReadFull(d.in, magic); err != nil || string(magic) != layerMagic {
		return errEncoded
	}
	size := d.number(0, d.store.limits.LayerBytes)
	if err := d.store.stream.take(size); err != nil {
		return err
	}
	d.streamed, l.bytes = size, size
	if err := d.list(&l.dirs); err != nil {
		return err
	}
	if err := d.list(&l.links); err != nil {
		return err
	}
	count := d.number(0, d.store.limits.Entries)
	if d.bad || l.links.Len() == 0 || l.texts.At(*l.links.At(0)) != "" || !d.reasonable() {
		return errEncoded
	}
	for range count {
		if err := d.entry(); err != nil {
			return err
		}
	}
	if err := d.capabilities(count); err != nil {
		return err
	}
	if _, err := d.in.ReadByte(); err != io.EOF {
		return errEncoded
	}
	return nil
}

// reasonable holds the limits that ReadLayer held.
func (d *decoder) reasonable() bool {
	for i := range uint32(d.layer.dirs.Len()) {
		if strings.Count(d.layer.dir(i), "/") > d.store.limits.Depth {
			return false
		}
	}
	return true
}

// number reads a number between two others.
func (d *decoder) number(least, most int64) int64 {
	n, err := binary.ReadVarint(d.in)
	if err != nil || n < least || n > most {
		d.bad = true
		return least
	}
	return n
}

// text reads a text, which counts as a name.
func (d *decoder) text() (dense.Text, error) {
	size := d.number(0, int64(d.store.limits.PathLength))
	if d.bad {
		return 0, errEncoded
	}
	if err := d.store.names.take(size); err != nil {
		return 0, err
	}
	d.names += size
	d.name = slices.Grow(d.name[:0], int(size))[:size]
	if _, err := io.ReadFull(d.in, d.name); err != nil {
		return 0, errEncoded
	}
	return d.layer.texts.Add(string(d.name)), nil
}

func (d *decoder) list(to *dense.List[dense.Text]) error {
	count := d.number(0, d.store.limits.Entries+1)
	for range count {
		s, err := d.text()
		if err != nil {
			return err
		}
		to.Add(s)
	}
	return nil
}

func (d *decoder) entry() error {
	base, err := d.text()
	if err != nil {
		return err
	}
	l := d.layer
	e := entry{
		base: base, size: d.number(0, math.MaxInt64), owner: l.own(owner{d.number(math.MinInt64, math.MaxInt64), d.number(math.MinInt64, math.MaxInt64)}),
		dir: uint32(d.number(0, int64(l.dirs.Len())-1)), more: uint32(d.number(0, int64(l.links.Len())-1)),
		mode: fs.FileMode(d.number(0, math.MaxUint32)), kind: kind(d.number(int64(file), int64(opaque))),
	}
	if d.bad || e.mode&^modeBits != 0 || e.hasContent() && e.more != 0 || strings.Contains(l.texts.At(base), "/") {
		return errEncoded
	}
	if err := d.body(&e); err != nil {
		return err
	}
	if err := d.store.entries.take(1); err != nil {
		return err
	}
	l.entries.Add(e)
	return nil
}

// body gives what was kept of an entry's content to the store.
func (d *decoder) body(e *entry) error {
	parts, total, err := d.parts(e.size)
	if err != nil || len(parts) == 0 {
		return err
	}
	if !e.hasContent() {
		return errEncoded
	}
	b, err := d.store.put(nil, d.in, total)
	if err != nil {
		return err
	}
	if b.data != nil {
		d.memory += total
	}
	if total < e.size {
		b.parts, b.size = parts, e.size
	}
	e.more = uint32(len(d.layer.bodies))
	d.layer.bodies = append(d.layer.bodies, b)
	return nil
}

// parts reads where the parts of a file are, and how long they are together.
func (d *decoder) parts(size int64) (parts []sbom.Range, total int64, err error) {
	count := d.number(0, maxParts)
	for range count {
		p := sbom.Range{Offset: d.number(0, size), Length: d.number(1, size)}
		parts = append(parts, p)
		total += p.Length
	}
	if d.bad || count > 0 && !apart(parts, size) {
		return nil, 0, errEncoded
	}
	return parts, total, nil
}

// giveBack returns what a layer that could not be decoded has taken.
func (d *decoder) giveBack() {
	d.store.entries.giveBack(int64(d.layer.entries.Len()))
	d.store.names.giveBack(d.names)
	d.store.memory.giveBack(d.memory)
	d.store.capabilities.giveBack(int64(len(d.layer.capabilities)))
	d.store.stream.giveBack(d.streamed)
}
