package filetree

import (
	"cmp"
	"slices"

	"github.com/imagegate/imagegate/policy"
)

// Largest returns the directories that hold the most, at most n, largest first.
// A directory counts with everything below it; one that holds hardly more than
// one of its own directories is left out, since that one says it better, and so
// is the root.
func (t *Tree) Largest(n int) []policy.DirectorySize {
	var sizes []policy.DirectorySize
	t.sizeOf(rootName, func(at uint32, bytes int64) {
		sizes = append(sizes, policy.DirectorySize{Path: t.path(at), Bytes: bytes})
	})
	slices.SortFunc(sizes, func(a, b policy.DirectorySize) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path))
	})
	return sizes[:min(n, len(sizes))]
}

// sizeOf adds up a directory and reports each one below it that says something.
func (t *Tree) sizeOf(dir uint32, report func(at uint32, bytes int64)) (bytes int64) {
	var largest int64 // of the directories in it
	for _, at := range t.children(t.names.at(dir).node) {
		n := t.nodes.at(t.names.at(at).node)
		switch {
		case t.isDir(t.names.at(at).node):
			below := t.sizeOf(at, report)
			largest = max(largest, below)
			bytes += below
		case n.name == at:
			bytes += n.entry.size
		}
	}
	if dir != rootName && largest*10 < bytes*9 {
		report(dir, bytes)
	}
	return bytes
}
