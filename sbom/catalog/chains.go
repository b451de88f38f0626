package catalog

import "github.com/imagegate/imagegate/sbom/dense"

// chains maps a string to the nodes that share it, which are a linked list through
// next: an index of a million names is one table of numbers and one array.
type chains struct {
	head *dense.Table
	next []int32 // 0 ends a list: the root is in none
}

// newChains makes the index of so many nodes by what key says of them.
func newChains(nodes int, key func(node int32) string) *chains {
	return &chains{
		head: dense.NewTable(0, func(node uint32) (uint32, string) { return 0, key(int32(node)) }),
		next: make([]int32, nodes),
	}
}

// add puts a node in front of the list of its key.
func (c *chains) add(node int32) {
	c.next[node] = int32(c.head.Replace(uint32(node)))
}

// each calls yield with the nodes of key, in the order opposite to that of add,
// until yield returns false.
func (c *chains) each(key string, yield func(int32) bool) {
	c.from(int32(c.head.Find(0, key)), yield)
}

// from goes on with a list at one of its nodes.
func (c *chains) from(node int32, yield func(int32) bool) bool {
	for ; node != 0; node = c.next[node] {
		if !yield(node) {
			return false
		}
	}
	return true
}
