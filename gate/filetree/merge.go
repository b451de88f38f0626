package filetree

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
)

// Merge applies layers, the base first, and returns the tree that a container
// would see at start. The layers must be of this store; one may occur several
// times. The tree keeps the store's content until it is closed. Errors are a
// *LimitError, an *EntryError, or the context's.
func (s *Store) Merge(ctx context.Context, layers []*Layer) (*Tree, error) {
	if len(layers) > s.limits.Layers {
		return nil, fmt.Errorf("merging layers: %w", layersError(&s.limits))
	}
	m := &merger{graph: newGraph(slices.Clone(layers)), ctx: ctx, limits: &s.limits}
	for i, l := range layers {
		if l.store != s {
			return nil, fmt.Errorf("merging layers: layer %s belongs to another store", l.diffID)
		}
		if err := m.apply(int16(i), l); err != nil {
			return nil, fmt.Errorf("merging layer %d (%s): %w", i, l.diffID, err)
		}
	}
	t, err := m.finish(s)
	if err != nil {
		return nil, fmt.Errorf("merging layers: %w", err)
	}
	return t, nil
}

// merger is a tree in the making, and the layer that is being applied to it.
type merger struct {
	graph
	ctx    context.Context
	limits *Limits
	steps  int64 // directories searched until now

	layer  *Layer
	number int16
	// capability that the present entry states; empty: none.
	capability string
	// found caches the directories of the layer's entries by their number. What
	// was found before the present epoch no longer holds.
	found []foundDir
	epoch uint32
	route []place // scratch of realPath

	hidden  int // names in directories that whiteouts took out so far
	emptied []emptied
}

type foundDir struct {
	node  uint32
	epoch uint32
}

// apply applies one layer's entries in their order.
func (m *merger) apply(number int16, l *Layer) error {
	m.layer, m.number = l, number
	m.found = make([]foundDir, len(l.dirs))
	m.epoch = 1
	for i := range uint32(l.entries.size) {
		if i%1024 == 0 && m.ctx.Err() != nil {
			return context.Cause(m.ctx)
		}
		m.capability = l.capabilities[i]
		if err := m.applyEntry(l.entries.at(i)); err != nil {
			return err
		}
	}
	return m.checkEmptied()
}

func (m *merger) applyEntry(e *entry) error {
	if e.kind == whiteout || e.kind == opaque {
		return m.applyWhiteout(e)
	}
	if e.base == "" {
		return m.applyRoot(e)
	}
	dir, err := m.directory(e.dir)
	if err != nil {
		return err
	}
	at, err := m.nameIn(dir, e.base)
	if err != nil {
		return err
	}
	if e.kind == hardLink {
		return m.applyHardLink(e, at)
	}
	m.put(at, e)
	return nil
}

// applyRoot sets owner and permissions of the root; nothing can replace it.
func (m *merger) applyRoot(e *entry) error {
	if e.kind != file || !e.mode.IsDir() {
		return m.wrong(e, "would replace the root directory")
	}
	m.state(rootName, e)
	return nil
}

// put puts a file in its place.
func (m *merger) put(at uint32, e *entry) {
	old := m.names.at(at).node
	if old != noNode && e.mode.IsDir() && m.isDir(old) {
		m.state(at, e)
		return
	}
	n := m.nodes.add(node{entry: e, name: at, layer: m.number, hidden: m.number})
	if e.mode.IsDir() {
		m.nodes.at(n).depth = m.nodes.at(m.names.at(at).dir).depth + 1
	}
	m.grant(n)
	m.set(at, n)
}

// state lets the layer's entry be the metadata of an existing directory.
func (m *merger) state(at uint32, e *entry) {
	m.names.at(at).layer = m.number
	n := m.nodes.at(m.names.at(at).node)
	n.entry, n.layer = e, m.number
}

// set lets a name name a node, or nothing.
func (m *merger) set(at, n uint32) {
	slot := m.names.at(at)
	if old := slot.node; old != noNode && (m.isDir(old) || m.isLink(old)) {
		m.epoch++ // directories found through it are so no longer
	}
	slot.node, slot.layer = n, m.number
}

// applyHardLink gives the target another name, and the header's owner and
// permissions, as link(2), chown(2) and chmod(2) of an unpacker do.
func (m *merger) applyHardLink(e *entry, at uint32) error {
	if m.names.at(at).node != noNode {
		m.set(at, noNode) // an unpacker makes room first, whatever the link says
	}
	target := m.layer.links[e.link]
	to, ok, err := m.locate(target)
	switch {
	case err != nil:
		return err
	case !ok:
		return m.wrong(e, fmt.Sprintf("is a hard link to %s, which is not there", quote(target)))
	case m.isDir(m.names.at(to).node):
		return m.wrong(e, fmt.Sprintf("is a hard link to %s, which is a directory", quote(target)))
	}
	n := m.names.at(to).node
	m.set(at, n)
	m.restate(m.nodes.at(n), e)
	m.grant(n)
	return nil
}

// restate gives a file other owners and permissions. The entry may belong to
// other trees, so it is not changed but replaced.
func (m *merger) restate(n *node, e *entry) {
	mode := n.entry.mode.Type() | e.mode&^fs.ModeType
	if n.entry.mode.Type() == fs.ModeSymlink {
		mode = n.entry.mode // links have no permissions of their own
	}
	if mode == n.entry.mode && e.uid == n.entry.uid && e.gid == n.entry.gid {
		return
	}
	changed := *n.entry
	changed.mode, changed.uid, changed.gid = mode, e.uid, e.gid
	n.entry = &changed
}

// locate finds the name that a hard link's target means in the tree so far, with
// links on the way followed. ok is false where nothing is there.
func (m *merger) locate(target string) (at uint32, ok bool, err error) {
	c := newCursor(&m.graph, target)
	c.search = m.step
	for range m.limits.Links + 1 {
		at, why := c.next()
		switch {
		case why == arrived, why == atLink && c.rest == "":
			return at, true, nil
		case why == tooFar:
			return 0, false, stepsError(m.limits)
		case why != atLink:
			return 0, false, nil
		}
		c.enter(m.linkTarget(at))
	}
	return 0, false, nil
}

func (m *merger) step(uint32) bool {
	m.steps++
	return m.steps <= m.limits.Steps
}

func (m *merger) wrong(e *entry, problem string) error {
	name := m.layer.dirs[e.dir]
	if name != "" {
		name += "/"
	}
	return &EntryError{DiffID: m.layer.diffID, Name: "/" + name + e.base, Problem: problem}
}
