package filetree

// applyWhiteout hides what lower layers put below one name, or in one directory.
func (m *merger) applyWhiteout(e *entry) error {
	dir, ok, err := m.existing(e.dir)
	if err != nil || !ok {
		return err
	}
	if e.kind == opaque {
		m.hideBelow(dir)
		return nil
	}
	if at, ok := m.child(dir, e.base); ok {
		m.hideName(at)
	}
	return nil
}

// hideName takes what lower layers put at a name and below it out of the tree.
// What the present layer puts there stays, and so do the directories on the way
// to it, though nobody states them any more. It returns whether the name stays.
//
// The depth of the recursion is bounded by Limits.Depth.
func (m *merger) hideName(at uint32) (stays bool) {
	n := m.names.at(at)
	if n.node == noNode {
		return false
	}
	below := m.isDir(n.node) && m.hideBelow(n.node)
	switch {
	case n.layer == m.number:
		return true
	case below:
		d := m.nodes.at(n.node)
		d.entry, d.layer = nil, noLayer
		n.layer = m.number
		return true
	}
	m.set(at, noNode)
	return false
}

// hideBelow does the same for every name in a directory, once for each layer:
// what comes into the directory later in the same layer is the layer's own. So a
// layer of nothing but whiteouts costs no more than the files that they hide.
func (m *merger) hideBelow(dir uint32) (anyStays bool) {
	d := m.nodes.at(dir)
	if d.hidden == m.number {
		return d.children != 0
	}
	d.hidden = m.number
	var staying uint32
	for at := d.children; at != 0; {
		n := m.names.at(at)
		next := n.next
		if m.hideName(at) {
			n.next, staying = staying, at
		} else {
			n.listed = false
		}
		at = next
	}
	d.children = staying
	return staying != 0
}
