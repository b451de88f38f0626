package filetree

import (
	"io/fs"
	"iter"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/imagegate/imagegate/sbom"
)

// Tree is the merged file tree of one platform image. It is immutable, and safe
// for concurrent use. Close frees its content.
type Tree struct {
	*graph

	store  *Store
	limits *Limits
	order  []uint32 // all names, those of one directory together and sorted
	links  map[uint32]resolution
	bytes  int64

	closing sync.Once
	closed  atomic.Bool
}

var _ sbom.Files = (*Tree)(nil)

// Entries is how many names the tree has, without the root.
func (t *Tree) Entries() int { return len(t.order) }

// Bytes is the size of all regular files; one with several names counts once.
func (t *Tree) Bytes() int64 { return t.bytes }

// Close gives up the store's content; what was opened must not be read after it.
func (t *Tree) Close() error {
	var err error
	t.closing.Do(func() {
		t.closed.Store(true)
		err = t.store.release()
	})
	return err
}

// Lstat is sbom.Files.Lstat.
func (t *Tree) Lstat(path string) (sbom.File, bool) {
	at, ok := t.lookup(path, false)
	if !ok {
		return sbom.File{}, false
	}
	return t.file(at, t.path(at)), true
}

// Lookup is sbom.Files.Lookup. Of a hard link it returns the file's first name.
func (t *Tree) Lookup(path string) (sbom.File, bool) {
	at, ok := t.lookup(path, true)
	if !ok {
		return sbom.File{}, false
	}
	first := t.nodes.At(t.names.At(at).node).name
	return t.file(first, t.path(first)), true
}

// lookup finds a name, jumping over links.
func (t *Tree) lookup(path string, followLast bool) (at uint32, ok bool) {
	c := newCursor(t.graph, path)
	for follows := 0; ; {
		at, why := c.next()
		if why == arrived || why == atLink && c.rest == "" && !followLast {
			return at, true
		}
		if why != atLink {
			return 0, false
		}
		r := t.links[at]
		if follows += int(r.follows); follows > t.limits.Links {
			return 0, false
		}
		c.at = r.target
	}
}

// All is sbom.Files.All.
func (t *Tree) All() iter.Seq[sbom.File] {
	return func(yield func(sbom.File) bool) { t.walk(rootNode, "/", yield) }
}

// walk yields what is in a directory, in lexical order of the whole path: what
// is in "a" comes after "a-b", since a slash comes after a hyphen.
func (t *Tree) walk(dir uint32, prefix string, yield func(sbom.File) bool) bool {
	var few [4]uint32
	entered := few[:0] // directories that were yielded, but not yet what is in them
	for _, at := range t.children(dir) {
		n := t.names.At(at)
		base := t.base(n)
		for len(entered) > 0 && !comesWithin(base, t.base(t.names.At(entered[len(entered)-1]))) {
			if !t.walkLast(&entered, prefix, yield) {
				return false
			}
		}
		if !yield(t.file(at, prefix+base)) {
			return false
		}
		if t.nodes.At(n.node).count > 0 {
			entered = append(entered, at)
		}
	}
	for len(entered) > 0 {
		if !t.walkLast(&entered, prefix, yield) {
			return false
		}
	}
	return true
}

// walkLast yields what is in the last directory of the list.
func (t *Tree) walkLast(entered *[]uint32, prefix string, yield func(sbom.File) bool) bool {
	last := len(*entered) - 1
	n := t.names.At((*entered)[last])
	*entered = (*entered)[:last]
	return t.walk(n.node, prefix+t.base(n)+"/", yield)
}

// comesWithin says whether a name that sorts after dir sorts before dir + "/".
func comesWithin(base, dir string) bool {
	return strings.HasPrefix(base, dir) && len(base) > len(dir) && base[len(dir)] < '/'
}

// Open is sbom.Files.Open.
func (t *Tree) Open(f sbom.File) (sbom.Content, error) {
	fail := func(err error) (sbom.Content, error) {
		return nil, &fs.PathError{Op: "opening", Path: f.Path, Err: err}
	}
	if t.closed.Load() {
		return fail(fs.ErrClosed)
	}
	if f.Node < rootNode || f.Node >= int64(t.nodes.Len()) {
		return fail(fs.ErrInvalid)
	}
	n := t.nodes.At(uint32(f.Node))
	e := t.entry(n)
	switch {
	case e == nil || !e.mode.IsRegular():
		return fail(fs.ErrInvalid)
	case e.size == 0:
		return emptyContent(), nil
	}
	body, kept := t.layers[n.layer].bodyOf(e)
	if !kept {
		return fail(sbom.ErrNotKept)
	}
	return t.store.open(body), nil
}

// children are the names in a directory, in order.
func (t *Tree) children(dir uint32) []uint32 {
	d := t.nodes.At(dir)
	return t.order[d.children:][:d.count]
}

// file is what the tree knows of one name.
func (t *Tree) file(at uint32, path string) sbom.File {
	slot := t.names.At(at)
	n := t.nodes.At(slot.node)
	f := sbom.File{Path: path, Node: int64(slot.node), Layer: noLayer, Mode: impliedMode}
	e := t.entry(n)
	if e == nil {
		return f
	}
	owner := t.layers[n.layer].owners.At(e.owner)
	f.Mode, f.Size, f.UID, f.GID = e.mode, e.size, owner.uid, owner.gid
	f.Capability = t.capabilities[slot.node]
	f.Layer, f.DiffID = int(slot.layer), t.layers[slot.layer].diffID
	switch {
	case t.isLink(slot.node):
		f.Link = t.linkTarget(at)
	case n.name != at:
		f.Link = t.path(n.name)
	}
	return f
}
