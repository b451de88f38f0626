package filetree

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/imagegate/imagegate/sbom/dense"
)

// graph is a file tree as a file system has it: names in directories, and the
// nodes (inodes) that they name. Both are known by number, and hold no pointers. A
// name is never taken out again; one that names nothing has node 0.
type graph struct {
	// layers are those of the image, and at the end one of the tree's own, with what
	// no layer states so: names of implied directories, files with other owners.
	layers  []*Layer
	adopted dense.List[origin] // of the entries of that layer
	names   dense.List[name]
	nodes   dense.List[node]
	index   *dense.Table // of names by directory and base
	// capabilities that files have, by node; nil where none has any.
	capabilities map[uint32]string
}

// origin is the entry of a layer of the image that one of the tree's own replaces.
type origin struct {
	entry uint32
	layer int16
}

// name is one name in a directory.
type name struct {
	base    dense.Text // in the texts of from
	dir     uint32     // node of the directory
	node    uint32     // 0: nothing
	next    uint32     // while merging: the next name of the directory, 0 at the end
	layer   int16      // that put the node here
	from    int16      // layer
	listed  bool       // while merging: in the directory's list
	reached bool       // after merging: part of the tree
}

// node is one file.
type node struct {
	entry    uint32 // of layer, its number + 1; 0: a directory that no layer states
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

func newGraph(layers []*Layer) *graph {
	g := &graph{layers: append(slices.Clone(layers), newLayer(nil, ""))}
	stated := 0
	for _, l := range layers {
		stated += l.Entries()
	}
	g.index = dense.NewTable(stated, func(number uint32) (uint32, string) {
		n := g.names.At(number)
		return n.dir, g.base(n)
	})
	g.nodes.Add(node{})
	g.nodes.Add(node{layer: noLayer, hidden: noLayer})
	g.names.Add(name{base: g.own().texts.Add(""), from: g.ownNumber(), node: rootNode, layer: noLayer, reached: true})
	return g
}

// own is the tree's own layer.
func (g *graph) own() *Layer { return g.layers[g.ownNumber()] }

func (g *graph) ownNumber() int16 { return int16(len(g.layers) - 1) }

func (g *graph) base(n *name) string { return g.layers[n.from].texts.At(n.base) }

// entry returns what its layer states about a node; nil where none does.
func (g *graph) entry(n *node) *entry {
	if n.entry == 0 {
		return nil
	}
	return g.layers[n.layer].entries.At(n.entry - 1)
}

// statedAt returns the path of the entry that puts a node in the tree, as its layer
// writes it.
func (g *graph) statedAt(n *node) string {
	from := origin{entry: n.entry - 1, layer: n.layer}
	if from.layer == g.ownNumber() {
		from = *g.adopted.At(from.entry)
	}
	l := g.layers[from.layer]
	return l.path(l.entries.At(from.entry))
}

func (g *graph) mode(n uint32) fs.FileMode {
	if e := g.entry(g.nodes.At(n)); e != nil {
		return e.mode
	}
	return impliedMode
}

func (g *graph) isDir(n uint32) bool  { return g.mode(n).IsDir() }
func (g *graph) isLink(n uint32) bool { return g.mode(n)&fs.ModeSymlink != 0 }

// linkTarget returns where a name that is a symbolic link points to, as written.
func (g *graph) linkTarget(at uint32) string {
	n := g.nodes.At(g.names.At(at).node)
	return g.layers[n.layer].linkOf(g.entry(n))
}

// child returns the number of a name that names something.
func (g *graph) child(dir uint32, base string) (uint32, bool) {
	i := g.index.Find(dir, base)
	return i, i != 0 && g.names.At(i).node != noNode
}

// parent returns the name of the directory that holds a name.
func (g *graph) parent(i uint32) uint32 {
	if i == rootName {
		return rootName
	}
	return g.nodes.At(g.names.At(i).dir).name
}

// path spells a name out.
func (g *graph) path(i uint32) string {
	if i == rootName {
		return "/"
	}
	size := 0
	for n := i; n != rootName; n = g.parent(n) {
		size += 1 + len(g.base(g.names.At(n)))
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
	b.WriteString(g.base(g.names.At(i)))
}
