package filetree

import "io/fs"

// Layer is what one layer's tar states, entry by entry in its order. It is
// immutable, belongs to the Store that read it, and can be merged into any number
// of trees.
type Layer struct {
	store   *Store
	diffID  string
	entries list[entry]
	dirs    []string // of the entries, each once; "" is the root
	links   []string // targets; the first is empty
	bodies  []body   // kept content; the first is none
	// capabilities are what few entries state, by the number of the entry; nil
	// where none does.
	capabilities map[uint32]string
	bytes        int64
}

// DiffID is the digest of the layer's uncompressed tar, as ReadLayer was told.
func (l *Layer) DiffID() string { return l.diffID }

// Bytes is the size of the layer's uncompressed tar.
func (l *Layer) Bytes() int64 { return l.bytes }

// Entries is how many entries of the tar count: files and whiteouts.
func (l *Layer) Entries() int { return l.entries.size }

// entry is one header of the tar. Paths are clean and relative to the root.
type entry struct {
	base     string // of the path; of a whiteout the name that it hides
	size     int64  // of a regular file
	uid, gid int64
	dir      uint32 // in Layer.dirs: the rest of the path
	link     uint32 // in Layer.links
	body     uint32 // in Layer.bodies; 0 where the content was not kept
	mode     fs.FileMode
	kind     kind
}

// kind is what an entry does to the tree.
type kind uint8

const (
	file     kind = iota // puts a file in its place, of whatever type
	hardLink             // puts another name of a file in its place
	whiteout             // hides one name of the lower layers
	opaque               // hides all names of the lower layers in a directory
)
