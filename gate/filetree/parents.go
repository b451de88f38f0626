package filetree

import (
	"path"
	"strings"
)

// directory returns the directory that an entry goes into, and makes what is
// missing of it.
func (m *merger) directory(d uint32) (uint32, error) {
	if found := m.found[d]; found.epoch == m.epoch {
		return found.node, nil
	}
	route, err := m.realPath(m.layer.dir(d))
	if err != nil {
		return 0, err
	}
	n, err := m.makeDirs(route)
	if err != nil {
		return 0, err
	}
	m.found[d] = foundDir{node: n, epoch: m.epoch}
	return n, nil
}

// existing returns the directory that a whiteout stands in. ok is false where it
// is not there; a whiteout makes nothing.
func (m *merger) existing(d uint32) (n uint32, ok bool, err error) {
	if found := m.found[d]; found.epoch == m.epoch {
		return found.node, true, nil
	}
	route, err := m.realPath(m.layer.dir(d))
	if err != nil {
		return 0, false, err
	}
	n = nodeOf(route)
	return n, n != noNode, nil
}

// place is one step of a path without links. Its node is noNode where there is
// no such directory yet.
type place struct {
	base string
	node uint32
}

func nodeOf(route []place) uint32 {
	if len(route) == 0 {
		return rootNode
	}
	return route[len(route)-1].node
}

// realPath follows the links of the present layer in the directories of a path,
// and no others: an unpacker sees only the layer that it unpacks. What is not
// there stands in the result as written. The result is good until the next call.
func (m *merger) realPath(dir string) ([]place, error) {
	route := m.route[:0]
	followed := 0
	for rest := dir; rest != ""; {
		var base string
		base, rest, _ = strings.Cut(rest, "/")
		switch base {
		case "", ".":
			continue
		case "..":
			route = route[:max(len(route)-1, 0)]
			continue
		}
		if !m.step(0) {
			return nil, stepsError(m.limits)
		}
		node, target := m.look(nodeOf(route), base)
		if target == "" {
			route = append(route, place{base, node})
			continue
		}
		followed++
		if followed > m.limits.Links {
			return nil, &EntryError{DiffID: m.layer.diffID, Name: "/" + dir, Problem: "leads through " + ErrLinkLoop.Error()}
		}
		if path.IsAbs(target) {
			route = route[:0]
		}
		rest = target + "/" + rest
	}
	m.route = route
	if len(route) >= m.limits.Depth {
		return nil, depthError(m.limits)
	}
	return route, nil
}

// look finds what a base name is on the way to an entry: a directory, a link of
// the present layer with its target, or nothing to go by.
func (m *merger) look(dir uint32, base string) (node uint32, target string) {
	if dir == noNode {
		return noNode, ""
	}
	at, ok := m.child(dir, base)
	if !ok {
		return noNode, ""
	}
	n := m.names.At(at)
	switch {
	case m.isDir(n.node):
		return n.node, ""
	case m.isLink(n.node) && n.layer == m.number:
		return noNode, m.linkTarget(at)
	default:
		return noNode, ""
	}
}

// makeDirs makes sure that every place of a route is a directory. It replaces
// what a lower layer has in its place, as a directory above does in overlayfs.
func (m *merger) makeDirs(route []place) (uint32, error) {
	dir := uint32(rootNode)
	for _, p := range route {
		at, err := m.nameIn(dir, p.base, nil)
		if err != nil {
			return 0, err
		}
		n := m.names.At(at)
		if n.node == noNode || !m.isDir(n.node) {
			if n.node != noNode && n.layer == m.number {
				return 0, &EntryError{DiffID: m.layer.diffID, Name: m.path(at),
					Problem: "is not a directory, but other entries of the layer lie in it"}
			}
			m.set(at, m.nodes.Add(node{name: at, layer: noLayer, hidden: m.number, depth: m.nodes.At(dir).depth + 1}))
		}
		dir = n.node
	}
	return dir, nil
}

// nameIn returns the number of a name in a directory, which is new where it was
// not there. The entry is the one of that name; nil where none states it.
func (m *merger) nameIn(dir uint32, base string, stated *entry) (uint32, error) {
	at := m.index.Find(dir, base)
	if at == 0 {
		var err error
		if at, err = m.newName(dir, base, stated); err != nil {
			return 0, err
		}
	}
	n, d := m.names.At(at), m.nodes.At(dir)
	if !n.listed {
		n.listed, n.next = true, d.children
		d.children = at
	}
	return at, nil
}

func (m *merger) newName(dir uint32, base string, stated *entry) (uint32, error) {
	if int64(m.names.Len()) > m.limits.Entries {
		return 0, entriesError(m.limits)
	}
	if int(m.nodes.At(dir).depth) >= m.limits.Depth {
		return 0, depthError(m.limits)
	}
	n := name{dir: dir, from: m.ownNumber()}
	if stated != nil {
		n.base, n.from = stated.base, m.number
	} else {
		// Links can make a directory of a long name many times over.
		if m.implied += int64(len(base)); m.implied > m.limits.NameBytes {
			return 0, nameBytesError(m.limits)
		}
		n.base = m.own().texts.Add(base)
	}
	at := m.names.Add(n)
	m.index.Add(at)
	return at, nil
}
