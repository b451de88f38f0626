package filetree

import (
	"errors"
	"fmt"
)

// Reasons why a path leads nowhere, besides fs.ErrNotExist. Tree.Trace wraps them
// in an *fs.PathError whose Path is where the way ended.
var (
	ErrLinkLoop     = errors.New("too many levels of symbolic links")
	ErrNotDirectory = errors.New("not a directory")
	ErrTooFar       = errors.New("leads through too many directories")
)

// EntryError is an entry of a layer that no container runtime could unpack, or that
// they unpack differently, so that nobody can say what the image's files are.
type EntryError struct {
	DiffID  string // of the layer
	Name    string // of the entry, as in the tar but cleaned
	Problem string
}

func (e *EntryError) Error() string {
	return fmt.Sprintf("entry %s of layer %s %s", quote(e.Name), e.DiffID, e.Problem)
}

// Remedy is what to do next.
func (e *EntryError) Remedy() string {
	return "rebuild the layer: container runtimes refuse it or disagree about it, too"
}

// SpillError says that kept content could not be written to, or read from, the
// temporary file. It is about this machine, not about the image.
type SpillError struct {
	Directory string
	Err       error
}

func (e *SpillError) Error() string {
	return fmt.Sprintf("holding content in a temporary file in %s: %v", e.Directory, e.Err)
}

func (e *SpillError) Unwrap() error { return e.Err }

// Remedy is what to do next.
func (e *SpillError) Remedy() string {
	return "free space in that directory, name another one in TMPDIR, or allow more memory for content"
}

// quote makes a name from an image fit for a message.
func quote(name string) string {
	const longest = 200
	if len(name) > longest {
		return fmt.Sprintf("%q…", name[:longest])
	}
	return fmt.Sprintf("%q", name)
}
