package filetree

import (
	"io/fs"

	"github.com/imagegate/imagegate/sbom/dense"
)

// Layer is what one layer's tar states, entry by entry in its order. It is
// immutable, belongs to the Store that read it, and can be merged into any number
// of trees.
type Layer struct {
	store   *Store
	diffID  string
	entries dense.List[entry]
	texts   dense.Texts
	dirs    dense.List[dense.Text] // of the entries, each once; "" is the root
	links   dense.List[dense.Text] // targets; the first is empty
	owners  dense.List[owner]
	bodies  []body // kept content; the first is none
	// capabilities are what few entries state, by the number of the entry; nil
	// where none does.
	capabilities map[uint32]string
	bytes        int64
}

func newLayer(store *Store, diffID string) *Layer {
	return &Layer{store: store, diffID: diffID, bodies: make([]body, 1)}
}

// DiffID is the digest of the layer's uncompressed tar, as ReadLayer was told.
func (l *Layer) DiffID() string { return l.diffID }

// Bytes is the size of the layer's uncompressed tar.
func (l *Layer) Bytes() int64 { return l.bytes }

// Entries is how many entries of the tar count: files and whiteouts.
func (l *Layer) Entries() int { return l.entries.Len() }

// entry is one header of the tar. Paths are clean and relative to the root. It has no
// pointers, and no more bytes than it needs: a layer may have millions.
type entry struct {
	size  int64      // of a regular file
	base  dense.Text // of the path; of a whiteout the name that it hides
	dir   uint32     // in Layer.dirs: the rest of the path
	more  uint32     // of a file with content in Layer.bodies, 0: not kept; of others in Layer.links
	owner uint32     // in Layer.owners
	mode  fs.FileMode
	kind  kind
}

// hasContent says that the entry is a regular file of its own.
func (e *entry) hasContent() bool { return e.kind == file && e.mode.IsRegular() }

// owner is whom a file belongs to.
type owner struct{ uid, gid int64 }

// own returns the number of an owner. Entries that follow each other mostly have the
// same one, which is held once for them.
func (l *Layer) own(o owner) uint32 {
	if last := l.owners.Len() - 1; last >= 0 && *l.owners.At(uint32(last)) == o {
		return uint32(last)
	}
	return l.owners.Add(o)
}

// dir returns a directory by its number.
func (l *Layer) dir(number uint32) string { return l.texts.At(*l.dirs.At(number)) }

// adopt copies an entry of another layer, with its link or content and with an owner
// that no other entry shares, but without its place in a directory. It returns its
// number.
func (l *Layer) adopt(from *Layer, e *entry) uint32 {
	adopted := entry{size: e.size, mode: e.mode, kind: e.kind, owner: l.owners.Add(*from.owners.At(e.owner))}
	switch {
	case !e.hasContent():
		adopted.more = l.links.Add(l.texts.Add(from.linkOf(e)))
	case e.more != 0:
		adopted.more = uint32(len(l.bodies))
		l.bodies = append(l.bodies, from.bodies[e.more])
	}
	return l.entries.Add(adopted)
}

// path of an entry, absolute.
func (l *Layer) path(e *entry) string {
	base := l.texts.At(e.base)
	if dir := l.dir(e.dir); dir != "" {
		return "/" + dir + "/" + base
	}
	return "/" + base
}

// linkOf is the target of an entry that is a link.
func (l *Layer) linkOf(e *entry) string { return l.texts.At(*l.links.At(e.more)) }

// bodyOf is the content of an entry that has content.
func (l *Layer) bodyOf(e *entry) (b body, kept bool) { return l.bodies[e.more], e.more != 0 }

// kind is what an entry does to the tree.
type kind uint8

const (
	file     kind = iota // puts a file in its place, of whatever type
	hardLink             // puts another name of a file in its place
	whiteout             // hides one name of the lower layers
	opaque               // hides all names of the lower layers in a directory
)
