package filetree

import (
	"context"
	"slices"
	"strings"
)

// finish makes the tree of what is left: it puts names in order, gives each file
// its path, counts, and finds out where every link leads.
func (m *merger) finish(s *Store) (*Tree, error) {
	t := &Tree{graph: m.graph, store: s, limits: m.limits}
	if err := t.arrange(m.ctx); err != nil {
		return nil, err
	}
	t.count()
	if err := t.resolveLinks(m.ctx); err != nil {
		return nil, err
	}
	s.retain()
	return t, nil
}

// arrange fills in order, from the root down, and marks what it reaches.
func (t *Tree) arrange(ctx context.Context) error {
	type directory struct {
		node   uint32
		length int // of its path, with a slash at its end
	}
	var others []uint32 // names that are not the first of their node
	todo := []directory{{rootNode, 1}}
	total := int64(0)
	t.order = make([]uint32, 0, t.names.Len())
	for len(todo) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		dir := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		t.arrangeDirectory(dir.node)
		for _, at := range t.children(dir.node) {
			n := t.names.At(at)
			n.reached = true
			length := dir.length + len(t.base(n))
			if length > t.limits.PathLength {
				return pathLengthError(t.limits)
			}
			if total += int64(length); total > t.limits.NameBytes {
				return nameBytesError(t.limits)
			}
			if t.nodes.At(n.node).name != at {
				others = append(others, at)
			}
			if t.isDir(n.node) {
				todo = append(todo, directory{n.node, length + 1})
			}
		}
	}
	t.nameAgain(others)
	return nil
}

// arrangeDirectory puts a directory's names in order.
func (t *Tree) arrangeDirectory(dir uint32) {
	d := t.nodes.At(dir)
	start := len(t.order)
	for at := d.children; at != 0; at = t.names.At(at).next {
		if t.names.At(at).node != noNode {
			t.order = append(t.order, at)
		}
	}
	names := t.order[start:]
	slices.SortFunc(names, func(a, b uint32) int {
		return strings.Compare(t.base(t.names.At(a)), t.base(t.names.At(b)))
	})
	d.children, d.count = uint32(start), uint32(len(names))
}

// nameAgain gives files whose first name is gone the oldest that is left.
func (t *Tree) nameAgain(others []uint32) {
	slices.Sort(others)
	for _, at := range others {
		n := t.nodes.At(t.names.At(at).node)
		if first := t.names.At(n.name); !first.reached || first.node != t.names.At(at).node {
			n.name = at
		}
	}
}

// count adds up the regular files, each once however many names it has.
func (t *Tree) count() {
	for _, at := range t.order {
		n := t.nodes.At(t.names.At(at).node)
		if e := t.entry(n); n.name == at && e != nil {
			t.bytes += e.size
		}
	}
}

// resolution is where a link leads.
type resolution struct {
	target  uint32 // the name at its end, which is no link
	follows uint16 // links on the way, itself included; tooMany where it leads nowhere
}

const tooMany = 1<<16 - 1

// resolveLinks finds out once for every link where it leads. So looking up a path
// costs no more than its length, however deep an image nests its links.
func (t *Tree) resolveLinks(ctx context.Context) error {
	t.links = make(map[uint32]resolution)
	for i, at := range t.order {
		if i%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if t.isLink(t.names.At(at).node) {
			t.resolve(at)
		}
	}
	return nil
}

// resolve finds out where a link leads, and before that where the links on its
// way lead: with a stack of its own, since an image may chain millions.
func (t *Tree) resolve(at uint32) {
	stack := t.startLink(nil, at)
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		reached, why := top.next()
		switch why {
		case arrived:
			t.links[top.link] = resolution{target: reached, follows: top.follows}
		case atLink:
			r, known := t.links[reached]
			if !known {
				top.rest = rejoin(top.base, top.rest) // looked up again when it is known
				stack = t.startLink(stack, reached)
				continue
			}
			if r.follows != tooMany && int(top.follows)+int(r.follows) <= t.limits.Links {
				top.at, top.follows = r.target, top.follows+r.follows
				continue
			}
		}
		stack = stack[:len(stack)-1]
	}
}

// pendingLink is a link that is being resolved.
type pendingLink struct {
	cursor
	link    uint32
	follows uint16
}

// startLink begins with a link. Until it is done it leads nowhere, which is right
// for whoever meets it on the way from itself.
func (t *Tree) startLink(stack []pendingLink, at uint32) []pendingLink {
	if _, done := t.links[at]; done {
		return stack
	}
	t.links[at] = resolution{follows: tooMany}
	c := cursor{graph: t.graph, at: t.parent(at)}
	c.enter(t.linkTarget(at))
	return append(stack, pendingLink{cursor: c, link: at, follows: 1})
}

func rejoin(base, rest string) string {
	if rest == "" {
		return base
	}
	return base + "/" + rest
}
