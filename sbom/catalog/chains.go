package catalog

// chains maps a string to the nodes that share it. The nodes of one string are a
// linked list through next, so that the index of a million distinct names is one
// map and one array, not a million slices.
type chains struct {
	head map[string]int32
	next []int32 // 0 ends a list: the root is in none
}

func newChains(nodes int) chains {
	return chains{head: make(map[string]int32), next: make([]int32, nodes)}
}

// add puts a node in front of the list of key; a node is in one list only.
func (c *chains) add(key string, node int32) {
	c.next[node] = c.head[key]
	c.head[key] = node
}

// each calls yield with the nodes of key, in the order opposite to that of add,
// until yield returns false.
func (c *chains) each(key string, yield func(int32) bool) bool {
	for node := c.head[key]; node != 0; node = c.next[node] {
		if !yield(node) {
			return false
		}
	}
	return true
}
