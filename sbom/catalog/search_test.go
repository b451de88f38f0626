package catalog_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/anchore/syft/syft/file"
	syftsource "github.com/anchore/syft/syft/source"
	"github.com/bmatcuk/doublestar/v4"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/catalog"
)

// patterns are of all the shapes that catalogers use, over the names below.
var patterns = []string{
	"**/a", "**/lib/a", "**/lib/*", "**/*.so", "**/lib*.so*", "**/*.tar.gz", "**/usr/lib/b*", "/usr/lib/a", "/usr/lib/*",
	"/usr/lib/**", "/lib/**", "/usr/**/*", "**/{a,b.so}", "**/{lib,usr}/a", "**/*lib/a", "**/lib/**/a", "**/?.so", "**/[ab].so",
	"/usr/*/a", "lib/a", "**/l*/**/*.so", "/**/a", "**/usr/*/*", "/lib/a*", "**/.hidden", "**/*hidden", "**/*", "**", "/usr/lib/{a,b}",
	"**/{lib,usr}/{a,a.so}", "**/lib/{*.so,b}", `**/\a`, "/nowhere/**", "/nowhere/*", "/usr/lib/a/**", "**/usr/lib/", "//usr//lib//a",
}

var segments = []string{"usr", "lib", "a", "b", "a.so", "b.so.1", "x.tar.gz", ".hidden", "local", "libz.so"}

func TestSearchEqualsBruteForce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		tree := newTree(t, layered(t, randomFiles(r, 0)), everything)
		resolver, err := catalog.Resolver(t.Context(), tree)
		require.NoError(t, err)
		for _, pattern := range slices.Concat(patterns, randomPatterns(r)) {
			locations, err := resolver.FilesByGlob(pattern)
			require.NoError(t, err)
			got := realPaths(locations)
			require.Subset(t, got, bruteForce(tree, path.Clean("/"+pattern)), "seed %d, pattern %s", seed, pattern)
			require.Subset(t, bruteForce(tree, path.Clean(pattern)), got, "seed %d, pattern %s", seed, pattern)
		}
	}
}

// bruteForce tries a pattern on every path. There are no links in the tree. Whether
// the pattern begins with a slash makes a difference of a few paths, as a leading "**"
// may stand for the nothing before the first slash; which of the two counts is syft's
// choice.
func bruteForce(tree sbom.Files, pattern string) []string {
	if !strings.HasPrefix(pattern, "**") && !strings.HasPrefix(pattern, "/") {
		pattern = "/" + pattern
	}
	if pattern == "**" || strings.HasSuffix(pattern, "/**") {
		pattern += "/*"
	}
	matches := []string{}
	for f := range tree.All() {
		if f.Mode.Type() != fs.ModeDir && doublestar.MatchUnvalidated(pattern, f.Path) {
			matches = append(matches, f.Path)
		}
	}
	return matches
}

func realPaths(locations []file.Location) []string {
	names := []string{}
	for _, location := range locations {
		names = append(names, location.RealPath)
	}
	slices.Sort(names)
	return names
}

// TestSearchEqualsSyfts asks syft's own resolver the same questions about trees full
// of links: to files and directories, relative, absolute, dangling and in circles.
func TestSearchEqualsSyfts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		image := layered(t, randomFiles(r, 12), randomFiles(r, 4))
		theirs, err := asSyft(t, image).FileResolver(syftsource.SquashedScope)
		require.NoError(t, err)
		ours, err := catalog.Resolver(t.Context(), newTree(t, image, everything))
		require.NoError(t, err)
		for _, pattern := range slices.Concat(patterns, randomPatterns(r)) {
			if pattern == "/*" { // syft has no index for the root
				continue
			}
			want, err := theirs.FilesByGlob(pattern)
			require.NoError(t, err)
			got, err := ours.FilesByGlob(pattern)
			require.NoError(t, err)
			require.Equal(t, below(pattern, want), below(pattern, got), "seed %d, pattern %s", seed, pattern)
		}
		for range 100 {
			name := randomPath(r)
			want, err := theirs.FilesByPath(name)
			require.NoError(t, err)
			got, err := ours.FilesByPath(name)
			require.NoError(t, err)
			require.Equal(t, described(want), described(got), "seed %d, path %s", seed, name)
			require.Equal(t, theirs.HasPath(name), ours.HasPath(name), "seed %d, path %s", seed, name)
		}
	}
}

// below drops the files that a pattern "what is in the directory x" finds because they
// are x themselves, which syft does for some patterns and not for others.
func below(pattern string, locations []file.Location) []string {
	if directory, ok := strings.CutSuffix(pattern, "/**"); ok {
		locations = slices.DeleteFunc(locations, func(l file.Location) bool {
			return doublestar.MatchUnvalidated(directory, l.AccessPath)
		})
	}
	return realPaths(locations)
}

func described(locations []file.Location) []string {
	var all []string
	for _, location := range locations {
		all = append(all, fmt.Sprint(location.RealPath, location.AccessPath, location.FileSystemID))
	}
	return all
}

func randomPath(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(4) {
		b.WriteString("/" + segments[r.IntN(len(segments))])
	}
	return b.String()
}

func randomPatterns(r *rand.Rand) []string {
	pieces := append([]string{"**", "*", "?", "*.so", "l*", "{usr,lib}", "*a*"}, segments...)
	var all []string
	for range 20 {
		pattern := "**"
		for range 1 + r.IntN(3) {
			pattern += "/" + pieces[r.IntN(len(pieces))]
		}
		all = append(all, pattern, strings.TrimPrefix(pattern, "**"))
	}
	return all
}

// randomFiles states every directory, and no name as two kinds.
func randomFiles(r *rand.Rand, links int) []gatetest.Entry {
	kinds := map[string]bool{} // true: directory
	var entries []gatetest.Entry
	add := func(e gatetest.Entry) {
		for parent := path.Dir(e.Path); parent != "/"; parent = path.Dir(parent) {
			if directory, known := kinds[parent]; known && !directory {
				return
			}
		}
		if _, known := kinds[e.Path]; known {
			return
		}
		var missing []string
		for parent := path.Dir(e.Path); parent != "/"; parent = path.Dir(parent) {
			if !kinds[parent] {
				kinds[parent] = true
				missing = append(missing, parent)
			}
		}
		for _, parent := range slices.Backward(missing) {
			entries = append(entries, gatetest.Entry{Path: parent + "/"})
		}
		kinds[e.Path] = false
		entries = append(entries, e)
	}
	for range links {
		target := randomPath(r)
		if r.IntN(2) == 0 {
			target = strings.Repeat("../", r.IntN(3)) + target[1:]
		}
		add(symlink(randomPath(r), target))
	}
	for range 25 {
		add(entry(randomPath(r), "content"))
	}
	return entries
}
