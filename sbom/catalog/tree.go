package catalog

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/imagegate/imagegate/sbom"
)

// root is the node of "/".
const root = 0

// node is one name in the file tree. It keeps no more than searching needs, since
// a hostile image has millions of them: the rest is asked of sbom.Files again.
type node struct {
	path   string
	parent int32
	layer  int32       // -1 for a directory that only a path in it implies
	kind   fs.FileMode // type bits only
	empty  bool        // no content
}

func (n *node) base() string { return path.Base(n.path) }

// tree is an index over the names of an sbom.Files: by path, directory, base name
// and extension, and from a directory to the links that lead to it. It is immutable
// once built.
type tree struct {
	files   sbom.Files
	nodes   []node // sorted by path, so a path is found by binary search
	diffIDs map[int32]string

	// The children of node i are children[first[i]:first[i+1]], sorted by name.
	first    []int32
	children []int32

	byName      chains
	byBeginning chains // of the name, prefixLength bytes
	byExtension chains // by what follows the last dot

	links []link // sorted
}

// link says that the symbolic link from points at target, itself perhaps a link.
type link struct{ target, from int32 }

// newTree reads the whole list of names once. It costs memory in proportion to
// their number, and no content is opened.
func newTree(ctx context.Context, files sbom.Files) (*tree, error) {
	t := &tree{
		files:   files,
		nodes:   []node{{path: "/", kind: fs.ModeDir, parent: -1, layer: -1}},
		diffIDs: map[int32]string{},
	}
	for file := range files.All() {
		if len(t.nodes)%4096 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		layer := int32(file.Layer)
		t.nodes = append(t.nodes, node{path: file.Path, kind: file.Mode.Type(), layer: layer, empty: file.Size == 0})
		t.diffIDs[layer] = file.DiffID
	}
	slices.SortFunc(t.nodes, func(a, b node) int { return strings.Compare(a.path, b.path) })
	t.indexDirectories()
	t.indexNames()
	t.indexLinks()
	return t, nil
}

// indexDirectories sorts the nodes by parent. The nodes are sorted by path, and
// siblings share all but their names, so children come out sorted by name.
func (t *tree) indexDirectories() {
	t.first = make([]int32, len(t.nodes)+1)
	directory, parent := "/", int32(root)
	for i := range t.nodes[1:] {
		n := &t.nodes[i+1]
		if dir := path.Dir(n.path); dir != directory {
			directory = dir
			parent, _ = t.find(dir)
		}
		n.parent = parent
		t.first[parent+1]++
	}
	for i := range t.nodes {
		t.first[i+1] += t.first[i]
	}
	t.children = make([]int32, len(t.nodes)-1)
	next := slices.Clone(t.first)
	for i := range t.nodes[1:] {
		n := &t.nodes[i+1]
		t.children[next[n.parent]] = int32(i + 1)
		next[n.parent]++
	}
}

func (t *tree) indexNames() {
	t.byName = newChains(len(t.nodes))
	t.byBeginning = newChains(len(t.nodes))
	t.byExtension = newChains(len(t.nodes))
	for i := len(t.nodes) - 1; i > root; i-- {
		base := t.nodes[i].base()
		t.byName.add(base, int32(i))
		t.byBeginning.add(base[:min(prefixLength, len(base))], int32(i))
		t.byExtension.add(path.Ext(base), int32(i))
	}
}

// prefixLength is how much of a name's beginning is in the index: enough to tell most
// names from those that a pattern like "python*" asks for.
const prefixLength = 2

// indexLinks follows each link one step: where that is a link again, both are in
// the index, and a search goes from one to the other.
func (t *tree) indexLinks() {
	for i := range t.nodes {
		if t.nodes[i].kind != fs.ModeSymlink {
			continue
		}
		if target, ok := t.follow(int32(i)); ok {
			t.links = append(t.links, link{target: target, from: int32(i)})
		}
	}
	slices.SortFunc(t.links, func(a, b link) int {
		if a.target != b.target {
			return int(a.target) - int(b.target)
		}
		return int(a.from) - int(b.from)
	})
}

// linksTo are the links that point at node, sorted by path.
func (t *tree) linksTo(target int32) []link {
	byTarget := func(l link, target int32) int { return int(l.target) - int(target) }
	from, _ := slices.BinarySearchFunc(t.links, target, byTarget)
	to, _ := slices.BinarySearchFunc(t.links, target+1, byTarget)
	return t.links[from:to]
}

// childrenOf are the nodes in a directory, sorted by name.
func (t *tree) childrenOf(directory int32) []int32 {
	return t.children[t.first[directory]:t.first[directory+1]]
}

// childrenWithPrefix are those of them whose name begins with prefix.
func (t *tree) childrenWithPrefix(directory int32, prefix string) []int32 {
	all := t.childrenOf(directory)
	from, _ := slices.BinarySearchFunc(all, prefix, func(child int32, prefix string) int {
		return strings.Compare(t.nodes[child].base(), prefix)
	})
	to := from
	for to < len(all) && strings.HasPrefix(t.nodes[all[to]].base(), prefix) {
		to++
	}
	return all[from:to]
}

// diffID of the layer that put a node there.
func (t *tree) diffID(n int32) string { return t.diffIDs[t.nodes[n].layer] }

// find is the node at exactly that path, no link followed.
func (t *tree) find(name string) (int32, bool) {
	i, ok := slices.BinarySearchFunc(t.nodes, name, func(n node, name string) int {
		return strings.Compare(n.path, name)
	})
	return int32(i), ok
}

// lstat is the node at a path: links in its directories are followed, a link at its
// end is not.
func (t *tree) lstat(name string) (int32, bool) {
	if i, ok := t.find(name); ok {
		return i, true
	}
	file, ok := t.files.Lstat(name)
	if !ok {
		return 0, false
	}
	return t.find(file.Path)
}

// follow takes one step along a symbolic link.
func (t *tree) follow(from int32) (int32, bool) {
	file, ok := t.files.Lstat(t.nodes[from].path)
	if !ok || file.Link == "" {
		return 0, false
	}
	return t.lstat(join(path.Dir(t.nodes[from].path), file.Link))
}

// maxLinks is how many links one path may lead through (stereoscope's number; the
// kernel's is 40).
const maxLinks = 100

// resolve is the file at a path with all links followed, and the links that lay at
// the path's end on the way. Unlike sbom.Files.Lookup it keeps the names of a hard
// link apart, as stereoscope does.
func (t *tree) resolve(name string) (end int32, via []int32, ok bool) {
	end, ok = t.lstat(name)
	for ok && t.nodes[end].kind == fs.ModeSymlink {
		if len(via) == maxLinks {
			return 0, nil, false
		}
		via = append(via, end)
		end, ok = t.follow(end)
	}
	return end, via, ok
}

// clean makes a path that a cataloger asks for absolute: the root is the only
// directory that a relative one can start from.
func clean(name string) string {
	return path.Clean("/" + strings.TrimLeft(name, " "))
}

// join is the path that a link target names, seen from the link's directory.
func join(directory, target string) string {
	if path.IsAbs(target) {
		return path.Clean(target)
	}
	return path.Join(directory, target)
}
