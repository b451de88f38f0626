package filetree

import "strings"

// text holds many short strings in few allocations.
type text struct {
	block strings.Builder
	next  int // size of the next block
}

const (
	smallestBlock = 1 << 10
	largestBlock  = 64 << 10
)

// keep returns a copy of s that shares its memory with others.
func (t *text) keep(s string) string {
	if t.block.Cap()-t.block.Len() < len(s) {
		t.next = min(max(2*t.next, smallestBlock), largestBlock)
		t.block = strings.Builder{}
		t.block.Grow(max(t.next, len(s)))
	}
	start := t.block.Len()
	t.block.WriteString(s)
	return t.block.String()[start:]
}
