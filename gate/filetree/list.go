package filetree

// list is a sequence that grows in pages, so that growing copies nothing: an
// image of millions of files would otherwise need twice its memory for a moment.
type list[T any] struct {
	pages [][]T
	size  int
}

const (
	pageBits = 9
	pageSize = 1 << pageBits
)

// add appends a value and returns its number.
func (l *list[T]) add(value T) uint32 {
	if l.size&(pageSize-1) == 0 {
		l.pages = append(l.pages, make([]T, 0, pageSize))
	}
	page := &l.pages[len(l.pages)-1]
	*page = append(*page, value)
	l.size++
	return uint32(l.size - 1)
}

// at returns a value by its number. The pointer stays good while the list grows.
func (l *list[T]) at(i uint32) *T { return &l.pages[i>>pageBits][i&(pageSize-1)] }
