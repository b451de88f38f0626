package catalog

import (
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// meta are the characters that make a path a pattern.
const meta = `*?[]{}\`

// basis says from which index the candidates for a glob are taken.
type basis int

const (
	byEverything  basis = iota // every node of the tree
	byPath                     // no pattern: one path
	bySubtree                  // /literal/**/*
	byDirectory                // /literal/pattern: the children of one directory
	byParentName               // **/name/*: the children of directories of that name
	byBaseName                 // **/name
	byExtension                // **/*.ext
	byNamePattern              // **/na*me: every distinct base name
)

// glob is a doublestar pattern and how to search for it without trying it on every
// path of the tree.
type glob struct {
	pattern string // absolute or beginning with **
	basis   basis
	key     string // directory, name or extension to look up
	base    string // the pattern's last segment
}

// parseGlobs splits a pattern that has a list of base names ({a,b}) into one glob
// for each name, since a name can be looked up and a list cannot.
func parseGlobs(pattern string) []glob {
	pattern = cleanGlob(pattern)
	if !strings.ContainsAny(pattern, meta) {
		return []glob{{pattern: pattern, basis: byPath, key: pattern}}
	}
	slash := strings.LastIndexByte(pattern, '/')
	if strings.Contains(pattern, `\`) || slash < 0 || !splits(pattern, slash) {
		return []glob{{pattern: rooted(pattern), basis: byEverything}}
	}
	directory, base := pattern[:slash], pattern[slash+1:]
	if top, ok := strings.CutSuffix(directory, "/**"); ok && base == "*" && !strings.ContainsAny(top, meta) {
		return []glob{{pattern: pattern, basis: bySubtree, key: clean(top)}}
	}
	if !strings.ContainsAny(directory, meta) {
		return []glob{literalDirectory(pattern, directory, base)}
	}
	var globs []glob
	for _, name := range alternatives(base) {
		globs = append(globs, anyDirectory(pattern, directory, name))
	}
	return globs
}

// splits says whether a pattern is two patterns at that slash, and not the middle
// of a list or class.
func splits(pattern string, slash int) bool {
	for _, part := range []string{pattern[:slash], pattern[slash+1:]} {
		if strings.Count(part, "{") != strings.Count(part, "}") ||
			strings.Count(part, "[") != strings.Count(part, "]") ||
			!doublestar.ValidatePattern(part) {
			return false
		}
	}
	return true
}

func literalDirectory(pattern, directory, base string) glob {
	if directory == "" {
		directory = "/"
	}
	return glob{pattern: pattern, basis: byDirectory, key: directory, base: base}
}

func anyDirectory(pattern, directory, base string) glob {
	g := glob{pattern: pattern, base: base}
	parent := directory[strings.LastIndexByte(directory, '/')+1:]
	switch extension, isExtension := strings.CutPrefix(base, "*."); {
	case !strings.ContainsAny(base, meta):
		g.basis, g.key = byBaseName, base
	case base == "*" && !strings.ContainsAny(parent, meta):
		g.basis, g.key = byParentName, parent
	case strings.Trim(base, "*?") == "":
		g.basis, g.pattern = byEverything, rooted(pattern)
	case isExtension && !strings.ContainsAny(extension, meta):
		g.basis, g.key = byExtension, "."+extension[strings.LastIndexByte(extension, '.')+1:]
	default:
		g.basis = byNamePattern
	}
	return g
}

// alternatives are the names of a pattern that is nothing but a list of names.
func alternatives(base string) []string {
	inner, ok := strings.CutPrefix(base, "{")
	if !ok {
		return []string{base}
	}
	inner, ok = strings.CutSuffix(inner, "}")
	if !ok || strings.ContainsAny(inner, "{}[]") {
		return []string{base}
	}
	return strings.Split(inner, ",")
}

// cleanGlob makes a pattern comparable with clean absolute paths.
func cleanGlob(pattern string) string {
	pattern = strings.TrimSpace(pattern)
	for strings.Contains(pattern, "//") {
		pattern = strings.ReplaceAll(pattern, "//", "/")
	}
	if len(pattern) > 1 {
		pattern = strings.TrimSuffix(pattern, "/")
	}
	if !strings.HasPrefix(pattern, "/") && !strings.HasPrefix(pattern, "**/") && pattern != "**" {
		pattern = "/" + pattern
	}
	if pattern == "**" || strings.HasSuffix(pattern, "/**") {
		pattern += "/*" // at the end, "**" is what is in a directory, not the directory
	}
	return pattern
}

// rooted makes a pattern begin at the root. Before it, where "**" can stand for
// nothing, "*" can stand for the nothing before the first slash of a path: "**/*/*"
// matches "/a", but no walk of a tree finds it so.
func rooted(pattern string) string {
	if strings.HasPrefix(pattern, "/") {
		return pattern
	}
	return "/" + pattern
}

// matchesBase says whether a base name matches the last segment of the pattern.
// Most names differ from it in the letters before its first or after its last
// wildcard, so those are compared first.
func (g *glob) matchesBase(name string) bool {
	if prefix := g.literalPrefix(); !strings.HasPrefix(name, prefix) {
		return false
	}
	suffix := g.base[strings.LastIndexAny(g.base, meta)+1:]
	return strings.HasSuffix(name, suffix) && doublestar.MatchUnvalidated(g.base, name)
}

// literalPrefix is what every base name that matches begins with.
func (g *glob) literalPrefix() string {
	if i := strings.IndexAny(g.base, meta); i >= 0 {
		return g.base[:i]
	}
	return g.base
}

func (g *glob) matches(name string) bool {
	return doublestar.MatchUnvalidated(g.pattern, name)
}
