package dense

// List is a sequence that grows in pages, so that growing copies nothing: an image
// of millions of files would otherwise need twice its memory for a moment. The zero
// List is empty.
type List[T any] struct {
	pages [][]T
	size  int
}

const (
	pageBits = 9
	pageSize = 1 << pageBits
)

// Add appends a value and returns its number, which counts from 0.
func (l *List[T]) Add(value T) uint32 {
	if l.size&(pageSize-1) == 0 {
		l.pages = append(l.pages, make([]T, 0, pageSize))
	}
	page := &l.pages[len(l.pages)-1]
	*page = append(*page, value)
	l.size++
	return uint32(l.size - 1)
}

// At returns a value by its number. The pointer stays good while the list grows.
func (l *List[T]) At(i uint32) *T { return &l.pages[i>>pageBits][i&(pageSize-1)] }

// Len is how many values there are.
func (l *List[T]) Len() int { return l.size }
