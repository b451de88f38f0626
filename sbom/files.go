package sbom

import (
	"errors"
	"io"
	"io/fs"
	"iter"
)

// ErrNotKept is returned by Files.Open for a regular file whose content was not
// kept when its layer was read, because no consumer had asked for its kind.
// Whoever meets it has a wrong Keep rule: it means "could not judge", never
// "nothing there".
var ErrNotKept = errors.New("content was not kept when the layer was read")

// Files is what may be asked of the merged file tree of one platform image.
// It is the view that a container would have at start: whiteouts and opaque
// directories are applied, links lead nowhere but into the tree. Implementations
// are safe for concurrent use.
//
// Paths are absolute, slash-separated and clean ("/usr/bin/env"); the root is "/".
type Files interface {
	// Lstat returns the file at path; links in its directories are followed,
	// a link at its end is not.
	Lstat(path string) (File, bool)

	// Lookup returns the file at path with every link followed, so the result is
	// never a symbolic link and its Path is the real path. It is false where
	// nothing is there, where a link dangles or where links loop.
	Lookup(path string) (File, bool)

	// Trace follows path as the kernel would and returns every file met on the
	// way in order: each directory that is searched and each link that is
	// followed, and last the file itself. The error says where the way ended.
	Trace(path string) ([]File, error)

	// All yields every file of the tree except the root in lexical order of
	// path, without following links.
	All() iter.Seq[File]

	// Open returns the content of a regular file that Lstat, Lookup, Trace or
	// All returned; ErrNotKept where its content was not kept.
	Open(File) (Content, error)
}

// Content is the content of one regular file.
type Content interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
}

// Condensed is content of which only the parts that a program is recognised by were
// kept. The others read as zeros: whoever left them out has seen that nothing in
// them is looked for in a program as such. Who asks for a file by its name, and so
// for what is in it, must not take the zeros for it.
type Condensed interface {
	Content
	Condensed()
}

// Range is a part of a file, in bytes.
type Range struct{ Offset, Length int64 }

// File is the metadata of one file of the tree, as its layer states it.
type File struct {
	// Path is where the file is. Of a hard link, Lookup gives the path of the
	// first name while that still names the same file.
	Path string
	// Mode has type, permission, setuid, setgid and sticky bits as in io/fs.
	Mode fs.FileMode
	// Size in bytes of a regular file; 0 otherwise.
	Size int64
	// UID and GID are the numeric owner and group.
	UID, GID int64
	// Capability is the value of the attribute security.capability that a layer gives
	// the file (struct vfs_cap_data of linux/capability.h), as it is, readable or not;
	// empty where it has none.
	Capability string
	// Link is the target of a symbolic link as written, or the first name of a
	// hard link (then Mode is regular); empty otherwise.
	Link string
	// Layer is the layer that last put the file there, counted from 0 at the base;
	// -1 for a directory that no layer states but a path in it implies.
	Layer int
	// DiffID of that layer ("sha256:…"), the digest of its uncompressed tar
	// (OCI image spec, config.rootfs.diff_ids).
	DiffID string
	// Node identifies the file itself within its tree: two names with the same
	// Node are hard links of each other.
	Node int64
}
