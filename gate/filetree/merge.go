package filetree

import (
	"context"
	"fmt"
	"io/fs"
)

// Merge applies layers, the base first, and returns the tree that a container
// would see at start. The layers must be of this store; one may occur several
// times. The tree keeps the store's content until it is closed. Errors are a
// *LimitError, an *EntryError, or the context's.
func (s *Store) Merge(ctx context.Context, layers []*Layer) (*Tree, error) {
	if len(layers) > s.limits.Layers {
		return nil, fmt.Errorf("merging layers: %w", layersError(&s.limits))
	}
	m := &merger{graph: newGraph(layers), ctx: ctx, limits: &s.limits}
	entries := 0
	for i, l := range layers {
		if l.store != s {
			return nil, fmt.Errorf("merging layers: layer %s belongs to another store", l.diffID)
		}
		// The store has counted a layer once, however many times it occurs.
		if entries += l.Entries(); int64(entries) > s.limits.Entries {
			return nil, fmt.Errorf("merging layers: %w", entriesError(&s.limits))
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
	*graph

	ctx    context.Context
	limits *Limits
	steps  int64 // directories searched until now
	// implied counts the bytes of names that no entry states.
	implied int64

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
	m.found = make([]foundDir, l.dirs.Len())
	m.epoch = 1
	for i := range uint32(l.entries.Len()) {
		if i%1024 == 0 && m.ctx.Err() != nil {
			return context.Cause(m.ctx)
		}
		m.capability = l.capabilities[i]
		if err := m.applyEntry(i, l.entries.At(i)); err != nil {
			return err
		}
	}
	return m.checkEmptied()
}

func (m *merger) applyEntry(number uint32, e *entry) error {
	if e.kind == whiteout || e.kind == opaque {
		return m.applyWhiteout(e)
	}
	base := m.layer.texts.At(e.base)
	if base == "" {
		return m.applyRoot(number, e)
	}
	dir, err := m.directory(e.dir)
	if err != nil {
		return err
	}
	at, err := m.nameIn(dir, base, e)
	if err != nil {
		return err
	}
	if e.kind == hardLink {
		return m.applyHardLink(e, at)
	}
	m.put(at, number, e)
	return nil
}

// applyRoot sets owner and permissions of the root; nothing can replace it.
func (m *merger) applyRoot(number uint32, e *entry) error {
	if e.kind != file || !e.mode.IsDir() {
		return m.wrong(e, "would replace the root directory")
	}
	m.state(rootName, number)
	return nil
}

// put puts a file in its place.
func (m *merger) put(at, number uint32, e *entry) {
	old := m.names.At(at).node
	if old != noNode && e.mode.IsDir() && m.isDir(old) {
		m.state(at, number)
		return
	}
	n := m.nodes.Add(node{entry: number + 1, name: at, layer: m.number, hidden: m.number})
	if e.mode.IsDir() {
		m.nodes.At(n).depth = m.nodes.At(m.names.At(at).dir).depth + 1
	}
	m.grant(n)
	m.set(at, n)
}

// state lets the layer's entry be the metadata of an existing directory.
func (m *merger) state(at, number uint32) {
	m.names.At(at).layer = m.number
	n := m.nodes.At(m.names.At(at).node)
	n.entry, n.layer = number+1, m.number
}

// set lets a name name a node, or nothing.
func (m *merger) set(at, n uint32) {
	slot := m.names.At(at)
	if old := slot.node; old != noNode && (m.isDir(old) || m.isLink(old)) {
		m.epoch++ // directories found through it are so no longer
	}
	slot.node, slot.layer = n, m.number
}

// applyHardLink gives the target another name, and the header's owner and
// permissions, as link(2), chown(2) and chmod(2) of an unpacker do.
func (m *merger) applyHardLink(e *entry, at uint32) error {
	if m.names.At(at).node != noNode {
		m.set(at, noNode) // an unpacker makes room first, whatever the link says
	}
	target := m.layer.linkOf(e)
	to, ok, err := m.locate(target)
	switch {
	case err != nil:
		return err
	case !ok:
		return m.wrong(e, fmt.Sprintf("is a hard link to %s, which is not there", quote(target)))
	case m.isDir(m.names.At(to).node):
		return m.wrong(e, fmt.Sprintf("is a hard link to %s, which is a directory", quote(target)))
	}
	n := m.names.At(to).node
	m.set(at, n)
	m.restate(m.nodes.At(n), e)
	m.grant(n)
	return nil
}

// restate gives a file other owners and permissions. The entry may belong to
// other trees, so it is not changed but replaced by one of the tree's own.
func (m *merger) restate(n *node, e *entry) {
	old, owner := m.entry(n), *m.layer.owners.At(e.owner)
	mode := old.mode.Type() | e.mode&^fs.ModeType
	if old.mode.Type() == fs.ModeSymlink {
		mode = old.mode // links have no permissions of their own
	}
	if mode == old.mode && owner == *m.layers[n.layer].owners.At(old.owner) {
		return
	}
	if n.layer != m.ownNumber() {
		m.adopted.Add(origin{entry: n.entry - 1, layer: n.layer})
		n.entry, n.layer = m.own().adopt(m.layers[n.layer], old)+1, m.ownNumber()
	}
	changed := m.entry(n)
	changed.mode, *m.own().owners.At(changed.owner) = mode, owner
}

// locate finds the name that a hard link's target means in the tree so far, with
// links on the way followed. ok is false where nothing is there.
func (m *merger) locate(target string) (at uint32, ok bool, err error) {
	c := newCursor(m.graph, target)
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
	return &EntryError{DiffID: m.layer.diffID, Name: m.layer.path(e), Problem: problem}
}
