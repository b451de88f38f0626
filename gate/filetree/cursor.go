package filetree

import "strings"

// cursor walks a path through a graph, name by name, until it meets a link or
// there is no way on (path_resolution(7)). What to do about a link is its user's
// business.
type cursor struct {
	graph *graph
	at    uint32 // the name that was reached
	base  string // the name in it that was looked up last
	rest  string // the path from there
	// search is asked before a directory is searched. May be nil.
	search func(dir uint32) bool
}

// stop is why a cursor went no further.
type stop uint8

const (
	arrived      stop = iota // the path ends at cursor.at, which is no link
	atLink                   // base, in the directory at, is a link
	missing                  // base is not in the directory at
	notDirectory             // at is no directory, but the path goes on
	tooFar                   // search said so
)

func newCursor(g *graph, path string) cursor {
	return cursor{graph: g, at: rootName, rest: directoryForm(path)}
}

// directoryForm makes it plain that a path with a slash at its end names a
// directory.
func directoryForm(path string) string {
	if strings.HasSuffix(path, "/") {
		return path + "."
	}
	return path
}

// next advances to the end of the path or to the first link on it, and returns
// the name that it reached.
func (c *cursor) next() (uint32, stop) {
	for c.rest != "" {
		c.base, c.rest, _ = strings.Cut(c.rest, "/")
		if c.base == "" {
			continue
		}
		dir := c.graph.names.At(c.at).node
		if !c.graph.isDir(dir) {
			return c.at, notDirectory
		}
		if c.search != nil && !c.search(c.at) {
			return c.at, tooFar
		}
		switch c.base {
		case ".":
			continue
		case "..":
			c.at = c.graph.parent(c.at)
			continue
		}
		child, ok := c.graph.child(dir, c.base)
		if !ok {
			return c.at, missing
		}
		if c.graph.isLink(c.graph.names.At(child).node) {
			return child, atLink
		}
		c.at = child
	}
	return c.at, arrived
}

// enter goes on where a link points to, before the rest of the path.
func (c *cursor) enter(target string) {
	if strings.HasPrefix(target, "/") {
		c.at = rootName
	}
	if c.rest == "" {
		c.rest = directoryForm(target)
	} else {
		c.rest = target + "/" + c.rest
	}
}
