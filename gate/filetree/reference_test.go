package filetree

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// reference is the specification in its plainest form: a map from path to
// content, where each layer first hides and then puts. It knows no order of
// whiteouts, no caches and no numbers, and costs whatever it costs.
type reference map[string]*referenceFile

type referenceFile struct {
	kind    byte   // 'd', 'f' or 'l'
	content string // or the target of a link
}

func (r reference) apply(lines []string) {
	for _, line := range lines {
		dir, base := path.Split(line)
		switch {
		case base == opaqueName:
			r.removeBelow(strings.TrimSuffix(dir, "/"))
		case strings.HasPrefix(base, whiteoutPrefix):
			r.remove(dir + strings.TrimPrefix(base, whiteoutPrefix))
		}
	}
	for _, line := range lines {
		if !strings.HasPrefix(path.Base(line), whiteoutPrefix) {
			r.put(line)
		}
	}
}

func (r reference) put(line string) {
	hdr, content := header(line)
	name := strings.TrimSuffix(hdr.Name, "/")
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if f := r[dir]; f == nil || f.kind != 'd' {
			r[dir] = &referenceFile{kind: 'd'}
		}
	}
	f := &referenceFile{kind: 'f', content: content}
	switch {
	case strings.Contains(line, " -> "):
		f = &referenceFile{kind: 'l', content: hdr.Linkname}
	case strings.Contains(line, " => "):
		f = r[hdr.Linkname]
	case strings.HasSuffix(line, "/"):
		f = &referenceFile{kind: 'd'}
	}
	if f.kind != 'd' {
		r.removeBelow(name)
	}
	r[name] = f
}

func (r reference) remove(name string) {
	delete(r, name)
	r.removeBelow(name)
}

func (r reference) removeBelow(dir string) {
	for name := range r {
		if dir == "" || strings.HasPrefix(name, dir+"/") {
			delete(r, name)
		}
	}
}

// show writes it as the function of that name writes a tree, except that hard
// links are shown by their content.
func (r reference) show() []string {
	var lines []string
	for name, f := range r {
		lines = append(lines, map[byte]string{
			'd': name + "/", 'f': name + "=" + f.content, 'l': name + " -> " + f.content,
		}[f.kind])
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(bare(a), bare(b)) })
	return lines
}

func bare(line string) string {
	line, _, _ = strings.Cut(strings.TrimSuffix(line, "/"), " -> ")
	line, _, _ = strings.Cut(line, "=")
	return line
}

// randomLayer makes entries over a few names, so that they meet often. It makes
// only what every unpacker agrees on: within one layer a path has one type, and
// no parent is a link.
func randomLayer(random *rand.Rand, below reference) []string {
	bases := []string{"a", "b", "a-", "c"}
	types := map[string]byte{"": 'd'}
	var lines []string
	for range random.IntN(12) {
		parts := make([]string, 1+random.IntN(3))
		for i := range parts {
			parts[i] = bases[random.IntN(len(bases))]
		}
		name := strings.Join(parts, "/")
		if slices.Contains([]byte("flh"), types[path.Dir(name)]) {
			continue
		}
		kind := "ddffflhwo"[random.IntN(9)]
		if kind == 'w' || kind == 'o' {
			lines = append(lines, map[byte]string{
				'w': path.Join(path.Dir(name), whiteoutPrefix+path.Base(name)),
				'o': path.Join(name, opaqueName),
			}[kind])
			continue
		}
		if !claim(types, name, kind) {
			continue
		}
		lines = append(lines, randomEntry(random, below, name, kind)...)
	}
	return slices.DeleteFunc(lines, func(line string) bool { return isBelowLink(types, line) })
}

// isBelowLink says whether a whiteout stands in a link of its own layer: which
// directory that is depends on what comes first.
func isBelowLink(types map[string]byte, line string) bool {
	if !strings.HasPrefix(path.Base(line), whiteoutPrefix) {
		return false
	}
	for dir := path.Dir(line); dir != "."; dir = path.Dir(dir) {
		if types[dir] == 'l' {
			return true
		}
	}
	return false
}

// claim notes the type of a path and of its parents, unless they have another.
func claim(types map[string]byte, name string, kind byte) bool {
	if t := types[name]; t != 0 && (t != kind || kind == 'h') {
		return false
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if t := types[dir]; t != 0 && t != 'd' {
			return false
		}
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		types[dir] = 'd'
	}
	types[name] = kind
	return true
}

func randomEntry(random *rand.Rand, below reference, name string, kind byte) []string {
	switch kind {
	case 'd':
		return []string{name + "/"}
	case 'l':
		return []string{name + " -> " + []string{"a", "/b/c", "../.."}[random.IntN(3)]}
	case 'h': // with a target of its own, which nothing else in the layer touches
		target := fmt.Sprintf("t%d", random.IntN(1000000))
		return []string{fmt.Sprintf("%s=linked %d", target, random.IntN(100)), name + " => " + target}
	}
	return []string{fmt.Sprintf("%s=%d", name, random.IntN(1000))}
}

func TestMergeIsWhatTheSpecificationSays(t *testing.T) {
	t.Parallel()
	for seed := range uint64(1500) {
		random := rand.New(rand.NewPCG(seed, 1))
		want := reference{}
		var layers [][]string
		for range 1 + random.IntN(5) {
			lines := randomLayer(random, want)
			want.apply(lines)
			layers = append(layers, lines)
		}
		tree, err := tryMerge(t, Limits{}, layers...)
		if hidesAndStates(layers) && errors.As(err, new(*EntryError)) {
			continue // unpackers disagree, so there is nothing to compare with
		}
		require.NoError(t, err, "seed %d: %q", seed, layers)
		got := show(t, tree)
		for i, line := range got { // a hard link by its content
			if name, _, ok := strings.Cut(line, " => "); ok {
				f, _ := tree.Lstat("/" + name)
				got[i] = name + "=" + contentOf(t, tree, f)
			}
		}
		expected := want.show()
		if len(expected) == 0 {
			expected = nil
		}
		require.Equal(t, expected, got, "seed %d: %q", seed, layers)
		checkTree(t, tree)
		require.NoError(t, tree.Close())
	}
}

// hidesAndStates says whether some layer has both a whiteout of a name and
// something below that name, or the name as a directory.
func hidesAndStates(layers [][]string) bool {
	return slices.ContainsFunc(layers, func(lines []string) bool {
		return slices.ContainsFunc(lines, func(line string) bool {
			dir, base := path.Split(line)
			name := dir + strings.TrimPrefix(base, whiteoutPrefix) + "/"
			return strings.HasPrefix(base, whiteoutPrefix) && base != opaqueName &&
				slices.ContainsFunc(lines, func(other string) bool { return strings.HasPrefix(other, name) })
		})
	})
}
