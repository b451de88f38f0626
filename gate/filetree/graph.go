package filetree

import (
	"hash/maphash"
	"io/fs"
	"strings"
)

// graph is a file tree as a file system has it: names in directories, and the
// nodes (inodes) that they name. Both are known by number. A name is never taken
// out again; one that names nothing has node 0.
type graph struct {
	layers []*Layer
	names  list[name]
	nodes  list[node]
	// capabilities that files have, by node; nil where none has any.
	capabilities map[uint32]string
	seed         maphash.Seed
	slots        []uint32 // hash table over names by directory and base; number + 1
}

// name is one name in a directory.
type name struct {
	base    string
	dir     uint32 // node of the directory
	node    uint32 // 0: nothing
	next    uint32 // while merging: the next name of the directory, 0 at the end
	layer   int16  // that put the node here
	listed  bool   // while merging: in the directory's list
	reached bool   // after merging: part of the tree
}

// node is one file.
type node struct {
	entry    *entry // nil: a directory that no layer states
	name     uint32 // of its names, the one that gives its path
	children uint32 // of a directory: while merging its first name, then its place in Tree.order
	count    uint32 // of a directory, after merging: its names
	layer    int16  // of entry
	depth    int16  // of a directory
	hidden   int16  // of a directory: the last layer that hid everything below it
}

const (
	rootName = 0
	noNode   = 0
	rootNode = 1
	noLayer  = -1
)

// impliedMode is the mode of a directory that no layer states but a path in it
// implies. It is what unpackers make.
const impliedMode = fs.ModeDir | 0o755

func newGraph(layers []*Layer) graph {
	g := graph{layers: layers, seed: maphash.MakeSeed(), slots: make([]uint32, 64)}
	g.nodes.add(node{})
	g.nodes.add(node{layer: noLayer, hidden: noLayer})
	g.names.add(name{node: rootNode, layer: noLayer, reached: true})
	return g
}

func (g *graph) mode(n uint32) fs.FileMode {
	if e := g.nodes.at(n).entry; e != nil {
		return e.mode
	}
	return impliedMode
}

func (g *graph) isDir(n uint32) bool  { return g.mode(n).IsDir() }
func (g *graph) isLink(n uint32) bool { return g.mode(n)&fs.ModeSymlink != 0 }

// linkTarget returns where a name that is a symbolic link points to, as written.
func (g *graph) linkTarget(at uint32) string {
	n := g.nodes.at(g.names.at(at).node)
	return g.layers[n.layer].links[n.entry.link]
}

// child returns the number of a name that names something.
func (g *graph) child(dir uint32, base string) (uint32, bool) {
	i, ok := g.find(dir, base)
	return i, ok && g.names.at(i).node != noNode
}

// find returns the number of a name.
func (g *graph) find(dir uint32, base string) (uint32, bool) {
	for slot := g.hash(dir, base); ; slot++ {
		i := g.slots[slot&uint64(len(g.slots)-1)]
		if i == 0 {
			return 0, false
		}
		if n := g.names.at(i - 1); n.dir == dir && n.base == base {
			return i - 1, true
		}
	}
}

// add makes a new name; find must have missed it.
func (g *graph) add(n name) uint32 {
	i := g.names.add(n)
	if g.names.size > len(g.slots)/4*3 {
		g.grow()
	}
	g.insert(i)
	return i
}

func (g *graph) grow() {
	g.slots = make([]uint32, 2*len(g.slots))
	for i := range uint32(g.names.size - 1) {
		if i != rootName {
			g.insert(i)
		}
	}
}

func (g *graph) insert(i uint32) {
	n := g.names.at(i)
	slot := g.hash(n.dir, n.base)
	for g.slots[slot&uint64(len(g.slots)-1)] != 0 {
		slot++
	}
	g.slots[slot&uint64(len(g.slots)-1)] = i + 1
}

// hash is seeded, so that no image can choose names that collide.
func (g *graph) hash(dir uint32, base string) uint64 {
	const golden = 0x9e3779b97f4a7c15 // spreads the directories
	return maphash.String(g.seed, base) ^ uint64(dir)*golden>>32
}

// parent returns the name of the directory that holds a name.
func (g *graph) parent(i uint32) uint32 {
	if i == rootName {
		return rootName
	}
	return g.nodes.at(g.names.at(i).dir).name
}

// path spells a name out.
func (g *graph) path(i uint32) string {
	if i == rootName {
		return "/"
	}
	size := 0
	for n := i; n != rootName; n = g.parent(n) {
		size += 1 + len(g.names.at(n).base)
	}
	var b strings.Builder
	b.Grow(size)
	g.spell(&b, i)
	return b.String()
}

func (g *graph) spell(b *strings.Builder, i uint32) {
	if i == rootName {
		return
	}
	g.spell(b, g.parent(i))
	b.WriteByte('/')
	b.WriteString(g.names.at(i).base)
}
