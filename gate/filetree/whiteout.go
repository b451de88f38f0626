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
	if at, ok := m.child(dir, m.layer.texts.At(e.base)); ok {
		before := m.hidden
		m.hideName(at)
		if m.hidden > before {
			m.emptied = append(m.emptied, emptied{at, e})
		}
	}
	return nil
}

// emptied is a name at which a whiteout hid a directory with something in it.
type emptied struct {
	at uint32
	by *entry
}

// checkEmptied refuses a whiteout of a directory that its own layer states again.
// The specification hides what lower layers put there, but containerd and docker
// onto overlayfs show it, depending on the order of the entries: a way to hide a
// file from whoever looks at the image and show it to whoever runs it. No builder
// is known to make one; they write an opaque directory instead.
func (m *merger) checkEmptied() error {
	for _, d := range m.emptied {
		if n := m.names.At(d.at).node; n != noNode && m.isDir(n) {
			return m.wrong(d.by, "hides a directory that the same layer states again, and container runtimes disagree about what is in it")
		}
	}
	m.emptied = m.emptied[:0]
	return nil
}

// hideName takes what lower layers put at a name and below it out of the tree.
// What the present layer puts there stays, and so do the directories on the way
// to it, though nobody states them any more. It returns whether the name stays.
//
// The depth of the recursion is bounded by Limits.Depth.
func (m *merger) hideName(at uint32) (stays bool) {
	n := m.names.At(at)
	if n.node == noNode {
		return false
	}
	below := m.isDir(n.node) && m.hideBelow(n.node)
	switch {
	case n.layer == m.number:
		return true
	case below:
		d := m.nodes.At(n.node)
		d.entry, d.layer = 0, noLayer
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
	d := m.nodes.At(dir)
	if d.hidden == m.number {
		return d.children != 0
	}
	d.hidden = m.number
	var staying uint32
	for at := d.children; at != 0; {
		n := m.names.At(at)
		next := n.next
		if m.hideName(at) {
			n.next, staying = staying, at
		} else {
			n.listed = false
			m.hidden++
		}
		at = next
	}
	d.children = staying
	return staying != 0
}
