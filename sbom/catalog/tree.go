package catalog

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/dense"
)

// root is the node of "/".
const root = 0

// node is one name in the file tree. It has no pointers and keeps no more than
// searching needs, since a hostile image has millions of them: the rest is asked of
// sbom.Files again.
type node struct {
	base   dense.Text
	parent int32
	kind   fs.FileMode // type bits only
	layer  int16       // -1 for a directory that only a path in it implies; an image has at most 500
	empty  bool        // no content
}

// tree is an index over the names of an sbom.Files: by path, directory, base name
// and extension, and from a directory to the links that lead to it. It is immutable
// once built.
type tree struct {
	files   sbom.Files
	nodes   dense.List[node] // in the order of their paths
	texts   dense.Texts
	diffIDs map[int16]string

	// The children of node i are children[first[i]:first[i+1]], sorted by name.
	first    []int32
	children []int32

	byName      *chains
	byBeginning *chains // of the name, prefixLength bytes
	byExtension *chains // by what follows the last dot

	links []link // sorted
}

// link says that the symbolic link from points at target, itself perhaps a link.
type link struct{ target, from int32 }

// newTree reads the whole list of names once. It costs memory in proportion to
// their number, and no content is opened.
func newTree(ctx context.Context, files sbom.Files) (*tree, error) {
	t := &tree{files: files, diffIDs: map[int16]string{}}
	t.nodes.Add(node{base: t.texts.Add("/"), kind: fs.ModeDir, parent: -1, layer: -1})
	if err := t.list(ctx); err != nil {
		return nil, err
	}
	t.indexDirectories()
	t.indexNames()
	t.indexLinks()
	return t, nil
}

// list adds the nodes. They come in the order of their paths, so a directory that can
// still have something in it is one whose path begins that of the last file.
func (t *tree) list(ctx context.Context) error {
	open := []directory{{"/", root}}
	for file := range t.files.All() {
		if t.nodes.Len()%4096 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for len(open) > 1 && !strings.HasPrefix(file.Path, open[len(open)-1].path) {
			open = open[:len(open)-1]
		}
		parent := slices.IndexFunc(open, func(d directory) bool { return d.path == path.Dir(file.Path) })
		if parent < 0 {
			return fmt.Errorf("%s comes before the directory that it is in", file.Path)
		}
		n := int32(t.nodes.Add(node{
			base: t.texts.Add(path.Base(file.Path)), parent: open[parent].node,
			kind: file.Mode.Type(), layer: int16(file.Layer), empty: file.Size == 0,
		}))
		t.diffIDs[int16(file.Layer)] = file.DiffID
		if file.Mode.IsDir() {
			open = append(open, directory{file.Path, n})
		}
	}
	return nil
}

// directory is one that list is in.
type directory struct {
	path string
	node int32
}

// indexDirectories sorts the nodes by parent. The nodes are in the order of their
// paths, and siblings share all but their names, so children come out sorted by name.
func (t *tree) indexDirectories() {
	t.first = make([]int32, t.nodes.Len()+1)
	for n := range t.all() {
		t.first[t.at(n).parent+1]++
	}
	for i := range t.nodes.Len() {
		t.first[i+1] += t.first[i]
	}
	t.children = make([]int32, t.nodes.Len()-1)
	next := slices.Clone(t.first)
	for n := range t.all() {
		parent := t.at(n).parent
		t.children[next[parent]] = n
		next[parent]++
	}
}

func (t *tree) indexNames() {
	t.byName = newChains(t.nodes.Len(), t.base)
	t.byBeginning = newChains(t.nodes.Len(), func(n int32) string {
		base := t.base(n)
		return base[:min(prefixLength, len(base))]
	})
	t.byExtension = newChains(t.nodes.Len(), func(n int32) string { return path.Ext(t.base(n)) })
	for n := int32(t.nodes.Len()) - 1; n > root; n-- {
		t.byName.add(n)
		t.byBeginning.add(n)
		t.byExtension.add(n)
	}
}

// all yields the nodes except the root, in the order of their paths.
func (t *tree) all() iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for n := int32(root + 1); n < int32(t.nodes.Len()) && yield(n); n++ {
		}
	}
}

func (t *tree) at(n int32) *node         { return t.nodes.At(uint32(n)) }
func (t *tree) base(n int32) string      { return t.texts.At(t.at(n).base) }
func (t *tree) kind(n int32) fs.FileMode { return t.at(n).kind }
func (t *tree) isDirectory(n int32) bool { return t.kind(n) == fs.ModeDir }
func (t *tree) isLink(n int32) bool      { return t.kind(n) == fs.ModeSymlink }

// path spells a node's path out.
func (t *tree) path(n int32) string {
	if n == root {
		return "/"
	}
	size := 0
	for at := n; at != root; at = t.at(at).parent {
		size += 1 + len(t.base(at))
	}
	name := make([]byte, size)
	for at := n; at != root; at = t.at(at).parent {
		base := t.base(at)
		size -= 1 + len(base)
		name[size] = '/'
		copy(name[size+1:], base)
	}
	return string(name)
}

// prefixLength is how much of a name's beginning is in the index: enough to tell most
// names from those that a pattern like "python*" asks for.
const prefixLength = 2

// indexLinks follows each link one step: where that is a link again, both are in
// the index, and a search goes from one to the other.
func (t *tree) indexLinks() {
	for n := range t.all() {
		if !t.isLink(n) {
			continue
		}
		if target, ok := t.follow(n); ok {
			t.links = append(t.links, link{target: target, from: n})
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
	from, _ := slices.BinarySearchFunc(all, prefix, t.compareName)
	to := from
	for to < len(all) && strings.HasPrefix(t.base(all[to]), prefix) {
		to++
	}
	return all[from:to]
}

func (t *tree) compareName(n int32, name string) int { return strings.Compare(t.base(n), name) }

// diffID of the layer that put a node there.
func (t *tree) diffID(n int32) string { return t.diffIDs[t.at(n).layer] }

// find is the node at exactly that path, no link followed.
func (t *tree) find(name string) (int32, bool) {
	rest, more := strings.CutPrefix(name, "/")
	if name == "/" {
		return root, true
	}
	n, ok := int32(root), more
	for more {
		var base string
		base, rest, more = strings.Cut(rest, "/")
		children := t.childrenOf(n)
		i, ok := slices.BinarySearchFunc(children, base, t.compareName)
		if !ok {
			return 0, false
		}
		n = children[i]
	}
	return n, ok
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
	file, ok := t.files.Lstat(t.path(from))
	if !ok || file.Link == "" {
		return 0, false
	}
	return t.lstat(join(path.Dir(file.Path), file.Link))
}

// maxLinks is how many links one path may lead through (stereoscope's number; the
// kernel's is 40).
const maxLinks = 100

// resolve is the file at a path with all links followed, and the links that lay at
// the path's end on the way. Unlike sbom.Files.Lookup it keeps the names of a hard
// link apart, as stereoscope does.
func (t *tree) resolve(name string) (end int32, via []int32, ok bool) {
	n, ok := t.lstat(name)
	if !ok {
		return 0, nil, false
	}
	return t.resolveNode(n)
}

// resolveNode is resolve for the path of a node.
func (t *tree) resolveNode(n int32) (end int32, via []int32, ok bool) {
	end, ok = n, true
	for ok && t.isLink(end) {
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
