package filetree

import (
	"io/fs"

	"github.com/imagegate/imagegate/sbom"
)

// furthest is how many directories Trace searches before it gives up.
const furthest = 4096

// Trace is sbom.Files.Trace. A directory that is searched again is not returned
// again. The last file has the name at which the way ends, which may be a hard
// link. The error is an *fs.PathError with ErrLinkLoop, ErrNotDirectory,
// ErrTooFar or fs.ErrNotExist; the files met until then are returned with it.
func (t *Tree) Trace(path string) ([]sbom.File, error) {
	tr := tracer{tree: t, seen: make(map[uint32]bool)}
	c := newCursor(t.graph, path)
	c.search = tr.search
	for follows := 0; ; follows++ {
		at, why := c.next()
		switch why {
		case arrived:
			tr.end(at)
			return tr.files, nil
		case atLink:
			tr.add(at)
		}
		if err := t.stopped(&c, at, why, follows); err != nil {
			return tr.files, err
		}
		c.enter(t.linkTarget(at))
	}
}

// stopped says why a trace cannot go on; nil at a link that may be followed.
func (t *Tree) stopped(c *cursor, at uint32, why stop, follows int) error {
	where := t.path(at)
	var err error
	switch {
	case why == missing:
		where, err = join(where, c.base), fs.ErrNotExist
	case why == notDirectory:
		err = ErrNotDirectory
	case why == tooFar:
		err = ErrTooFar
	case follows >= t.limits.Links:
		err = ErrLinkLoop
	default:
		return nil
	}
	return &fs.PathError{Op: "following", Path: where, Err: err}
}

func join(dir, base string) string {
	if dir == "/" {
		return dir + base
	}
	return dir + "/" + base
}

// tracer collects what a trace meets.
type tracer struct {
	tree     *Tree
	files    []sbom.File
	seen     map[uint32]bool
	searched int
}

func (t *tracer) search(dir uint32) bool {
	t.add(dir)
	t.searched++
	return t.searched <= furthest
}

func (t *tracer) add(at uint32) {
	if t.seen[at] {
		return
	}
	t.seen[at] = true
	t.files = append(t.files, t.tree.file(at, t.tree.path(at)))
}

// end adds the file at the end of the way, even if the way led through it before.
func (t *tracer) end(at uint32) {
	if last := len(t.files) - 1; last >= 0 && t.files[last].Node == int64(t.tree.names.At(at).node) {
		return
	}
	delete(t.seen, at)
	t.add(at)
}
