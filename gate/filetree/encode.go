package filetree

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/dense"
)

// Condense says which parts of a kept file will be asked for when its layer is used
// again, in order and apart; false where all of it will be. Path is as in Keep. What
// is left out reads as zeros from then on, so a rule has to have seen that nobody
// looks for anything in it.
type Condense func(path string, content []byte) (parts []sbom.Range, ok bool)

// maxCondense bounds the content that a rule is asked about, in bytes: it is in
// memory while it is looked at.
const maxCondense = 8 << 20

// layerMagic begins an encoded layer and names the version of its form.
const layerMagic = "imagegate-layer/2\n"

// Encode writes what a layer yielded, with the content that was kept of it, so that
// Store.DecodeLayer makes the same layer of another store. A nil rule condenses
// nothing.
//
// The form is the numbers of the layer as varints and its texts with their lengths,
// uncompressed: the size of the tar, the directories, the link targets, the
// entries, each with the parts of its content, and the capabilities that entries
// state.
func (l *Layer) Encode(w io.Writer, condense Condense) error {
	e := &encoder{layer: l, condense: condense, out: bufio.NewWriterSize(w, copyBuffer)}
	_, _ = e.out.WriteString(layerMagic) // the first error is told by Flush
	e.number(l.bytes)
	e.texts(&l.dirs)
	e.texts(&l.links)
	e.number(int64(l.entries.Len()))
	for i := range uint32(l.entries.Len()) {
		if err := e.entry(l.entries.At(i)); err != nil {
			return fmt.Errorf("encoding layer %s: %w", l.diffID, err)
		}
	}
	e.capabilities()
	return e.out.Flush()
}

type encoder struct {
	layer    *Layer
	condense Condense
	out      *bufio.Writer
	content  []byte // scratch of parts
}

func (e *encoder) number(n int64) {
	var scratch [binary.MaxVarintLen64]byte
	_, _ = e.out.Write(binary.AppendVarint(scratch[:0], n))
}

func (e *encoder) text(s string) {
	e.number(int64(len(s)))
	_, _ = e.out.WriteString(s)
}

func (e *encoder) texts(list *dense.List[dense.Text]) {
	e.number(int64(list.Len()))
	for i := range uint32(list.Len()) {
		e.text(e.layer.texts.At(*list.At(i)))
	}
}

func (e *encoder) entry(n *entry) error {
	e.text(e.layer.texts.At(n.base))
	link, body := n.more, uint32(0)
	if n.hasContent() {
		link, body = body, link
	}
	owner := e.layer.owners.At(n.owner)
	for _, number := range []int64{n.size, owner.uid, owner.gid, int64(n.dir), int64(link), int64(n.mode), int64(n.kind)} {
		e.number(number)
	}
	if body == 0 {
		e.number(0)
		return nil
	}
	return e.body(e.layer.path(n), e.layer.bodies[body])
}

// body writes how many parts there are, where they are, and what is in them.
func (e *encoder) body(path string, b body) error {
	content := e.layer.store.open(b)
	parts := b.parts
	if parts == nil {
		var err error
		if parts, err = e.parts(path, content, b.size); err != nil {
			return err
		}
	}
	e.number(int64(len(parts)))
	for _, p := range parts {
		e.number(p.Offset)
		e.number(p.Length)
	}
	for _, p := range parts {
		if n, err := io.Copy(e.out, io.NewSectionReader(content, p.Offset, p.Length)); err != nil || n != p.Length {
			return fmt.Errorf("copying what was kept of %s: %w", quote(path), unexpected(cmp.Or(err, io.EOF)))
		}
	}
	return nil
}

// parts asks the rule about content that is not condensed yet.
func (e *encoder) parts(path string, content sbom.Content, size int64) ([]sbom.Range, error) {
	whole := []sbom.Range{{Offset: 0, Length: size}}
	if e.condense == nil || size > maxCondense {
		return whole, nil
	}
	if int64(cap(e.content)) < size {
		e.content = make([]byte, size)
	}
	if _, err := content.ReadAt(e.content[:size], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	parts, ok := e.condense(path, e.content[:size])
	if !ok || !apart(parts, size) {
		return whole, nil
	}
	return parts, nil
}

// apart says whether parts are in order, apart from each other and within a file.
func apart(parts []sbom.Range, size int64) bool {
	end := int64(0)
	for _, p := range parts {
		if p.Length <= 0 || p.Offset < end || p.Offset > size || p.Length > size-p.Offset {
			return false
		}
		end = p.Offset + p.Length
	}
	return len(parts) > 0 && len(parts) <= maxParts
}

// modeBits are the bits of a mode that an entry may have.
const modeBits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky |
	fs.ModeDir | fs.ModeSymlink | fs.ModeNamedPipe | fs.ModeDevice | fs.ModeCharDevice
