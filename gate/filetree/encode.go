package filetree

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"

	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/dense"
)

// layerMagic begins an encoded layer and names the version of its form.
const layerMagic = "imagegate-layer/2\n"

// Encode writes what a layer yielded, with the content that was kept of it, so that
// Store.DecodeLayer makes the same layer of another store.
//
// The form is the numbers of the layer as varints and its texts with their lengths,
// uncompressed: the size of the tar, the directories, the link targets, the
// entries, each with the parts of its content, and the capabilities that entries
// state.
func (l *Layer) Encode(w io.Writer) error {
	e := &encoder{layer: l, out: bufio.NewWriterSize(w, copyBuffer)}
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
	layer *Layer
	out   *bufio.Writer
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
	parts := b.parts
	if parts == nil {
		parts = []sbom.Range{{Offset: 0, Length: b.size}}
	}
	e.number(int64(len(parts)))
	for _, p := range parts {
		e.number(p.Offset)
		e.number(p.Length)
	}
	if n, err := io.Copy(e.out, e.layer.store.remains(b)); err != nil || n != b.kept() {
		return fmt.Errorf("copying what was kept of %s: %w", quote(path), unexpected(cmp.Or(err, io.EOF)))
	}
	return nil
}

// modeBits are the bits of a mode that an entry may have.
const modeBits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky |
	fs.ModeDir | fs.ModeSymlink | fs.ModeNamedPipe | fs.ModeDevice | fs.ModeCharDevice
