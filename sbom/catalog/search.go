package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// maxLinkSteps bounds how many links one document's searches may go back along, so
// that a tree of links into links costs a named limit and not a day.
const maxLinkSteps = 5_000_000

// found is one answer to a search: the file, and the path that matched.
type found struct {
	access string
	node   int32
	real   bool // access is the file's own path
}

// search is one run of a pattern over a tree.
type search struct {
	*tree
	ctx     context.Context
	glob    glob
	spend   func() error // counts one step along a link
	seen    int
	results []found
	err     error
}

// findGlob returns the regular files and devices (no directories) whose path
// matches, each once: under its real path where that matches, otherwise under the
// first path through a link that does. They are sorted: real paths first.
func (t *tree) findGlob(ctx context.Context, pattern string, spend func() error) ([]found, error) {
	if !doublestar.ValidatePattern(pattern) {
		return nil, fmt.Errorf("%w: %q", doublestar.ErrBadPattern, pattern)
	}
	var results []found
	for _, g := range parseGlobs(pattern) {
		s := &search{tree: t, ctx: ctx, glob: g, spend: spend}
		s.candidates(s.consider)
		if s.err != nil {
			return nil, s.err
		}
		results = append(results, s.results...)
	}
	sortFound(results)
	return slices.CompactFunc(results, func(a, b found) bool { return a.access == b.access }), nil
}

func sortFound(results []found) {
	slices.SortFunc(results, func(a, b found) int {
		switch {
		case a.real == b.real:
			return strings.Compare(a.access, b.access)
		case a.real:
			return -1
		default:
			return 1
		}
	})
}

// candidates yields the nodes that the search's index has for it; those that do not
// match are sorted out later.
func (s *search) candidates(yield func(int32) bool) {
	switch s.glob.basis {
	case byPath:
		if n, ok := s.lstat(clean(s.glob.key)); ok {
			s.accept(clean(s.glob.key), n)
		}
	case byDirectory:
		s.inDirectory()
	case bySubtree:
		s.below(s.glob.key, map[int32]bool{})
	case byParentName:
		s.byName.each(s.glob.key, func(parent int32) bool { return s.inParent(parent, yield) })
	case byBaseName:
		s.byName.each(s.glob.key, yield)
	case byExtension:
		s.byExtension.each(s.glob.key, func(n int32) bool {
			return !s.glob.matchesBase(s.base(n)) || yield(n)
		})
	case byNamePattern:
		s.byPattern(yield)
	default:
		s.all()(yield)
	}
}

// byPattern tries the names that begin like the pattern, or all where it begins with
// a wildcard.
func (s *search) byPattern(yield func(int32) bool) {
	if prefix := s.glob.literalPrefix(); len(prefix) >= prefixLength {
		s.byBeginning.each(prefix[:prefixLength], func(n int32) bool {
			return !s.glob.matchesBase(s.base(n)) || yield(n)
		})
		return
	}
	for first := range s.byName.head.All() {
		if s.glob.matchesBase(s.base(int32(first))) && !s.byName.from(int32(first), yield) {
			return
		}
	}
}

// inDirectory answers a pattern whose directory is no pattern: whatever the
// directory's real path is, its children have the path that was asked for.
func (s *search) inDirectory() {
	directory, _, ok := s.resolve(s.glob.key)
	if !ok {
		return
	}
	for _, child := range s.childrenWithPrefix(directory, s.glob.literalPrefix()) {
		if name := s.base(child); s.glob.matchesBase(name) {
			s.accept(join(s.glob.key, name), child)
		}
		if s.interrupted() {
			return
		}
	}
}

// below walks a directory and, once each, all directories in it, through links too.
func (s *search) below(access string, visited map[int32]bool) {
	directory, _, ok := s.resolve(access)
	if !ok || visited[directory] {
		return
	}
	visited[directory] = true
	for _, child := range s.childrenOf(directory) {
		if s.interrupted() {
			return
		}
		name := join(access, s.base(child))
		if s.leadsToDirectory(child) {
			s.below(name, visited)
		} else {
			s.accept(name, child)
		}
	}
}

func (s *search) leadsToDirectory(n int32) bool {
	end, _, ok := s.resolveNode(n)
	return ok && s.isDirectory(end)
}

func (s *search) inParent(parent int32, yield func(int32) bool) bool {
	directory, _, ok := s.resolveNode(parent)
	if !ok {
		return true
	}
	for _, child := range s.childrenOf(directory) {
		if !yield(child) {
			return false
		}
	}
	return true
}

// consider takes a candidate if its real path or a path through a link matches.
// It returns false when the search has to end.
func (s *search) consider(n int32) bool {
	if s.interrupted() {
		return false
	}
	if !s.isDirectory(n) && !s.matchesNode(n) && s.reachable(n) {
		name := s.path(n)
		s.throughLinks(name, "", map[string]bool{name: true})
	}
	return s.err == nil
}

// interrupted notices now and then that nobody waits for the answer any more.
func (s *search) interrupted() bool {
	if s.seen++; s.seen%1024 == 0 && s.ctx.Err() != nil {
		s.err = context.Cause(s.ctx)
	}
	return s.err != nil
}

// reachable says whether a link leads to a directory above the node.
func (s *search) reachable(n int32) bool {
	if len(s.links) == 0 {
		return false
	}
	for n = s.at(n).parent; n > root; n = s.at(n).parent {
		if len(s.linksTo(n)) > 0 {
			return true
		}
	}
	return false
}

// throughLinks tries the paths to a file that go through a link: for each directory
// on the way, from the top, the links that lead to it replace it. A directory is
// looked at once for each candidate, so links in a circle end.
func (s *search) throughLinks(name, rest string, observed map[string]bool) bool {
	whole := name + rest
	for end := segment(name, 0); end > 0; end = segment(name, end) {
		directory := name[:end]
		if observed[directory] {
			continue
		}
		observed[directory] = true
		target, ok := s.lstat(directory)
		if !ok {
			continue
		}
		for _, l := range s.linksTo(target) {
			if s.err = s.spend(); s.err != nil {
				return true
			}
			if s.tryLink(s.path(l.from), whole[end:], observed) {
				return true
			}
		}
	}
	return false
}

func (s *search) tryLink(name, rest string, observed map[string]bool) bool {
	if observed[name+rest] {
		return false
	}
	observed[name+rest] = true
	return s.matchesAt(name+rest) || s.throughLinks(name, rest, observed)
}

// segment is where the path segment that begins after position i ends, or -1.
func segment(name string, i int) int {
	if i >= len(name) {
		return -1
	}
	if next := strings.IndexByte(name[i+1:], '/'); next >= 0 {
		return i + 1 + next
	}
	return len(name)
}

// matchesNode is matchesAt for a node under its real path, which needs no lookup
// unless it is a link.
func (s *search) matchesNode(n int32) bool {
	name := s.path(n)
	if s.isLink(n) {
		return s.matchesAt(name)
	}
	if !s.glob.matches(name) {
		return false
	}
	s.results = append(s.results, found{access: name, node: n, real: true})
	return true
}

// matchesAt takes the file at a path if the path, or that of a link at its end,
// matches.
func (s *search) matchesAt(name string) bool {
	end, via, ok := s.resolve(name)
	if !ok {
		return false
	}
	matched := s.glob.matches(name)
	for i := 0; i < len(via) && !matched; i++ {
		matched = s.glob.matches(s.path(via[i]))
	}
	if matched {
		s.take(name, end)
	}
	return matched
}

// accept takes a node that is known to match.
func (s *search) accept(access string, n int32) {
	if end, _, ok := s.resolveNode(n); ok {
		s.take(access, end)
	}
}

// take keeps an answer unless it is a directory: catalogers ask for files.
func (s *search) take(access string, end int32) {
	if !s.isDirectory(end) {
		s.results = append(s.results, found{access: access, node: end, real: access == s.path(end)})
	}
}
