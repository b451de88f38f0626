package filetree

// Linked is a rule that keeps what keep does, and besides the files of this tree
// that only a link gives a name which keep would have them for: a hard link comes
// after the content of its file, a symbolic one anywhere, and of a directory that is
// reached by a link the layer does not say where it lies. Whoever misses content
// reads the layers again by this rule. It knows such a file by the path of its entry,
// in whichever layer that is; how a file begins it does not know, so it asks keep
// about its names alone.
func (t *Tree) Linked(keep Keep) Keep {
	linked := map[string]bool{}
	for f := range t.All() {
		at, ok := t.lookup(f.Path, true)
		if !ok {
			continue
		}
		n := t.nodes.At(t.names.At(at).node)
		e := t.entry(n)
		if e == nil || !e.mode.IsRegular() || e.more != 0 || e.size == 0 {
			continue
		}
		if keep(f.Path, nil, e.size) {
			linked[t.statedAt(n)] = true
		}
	}
	return func(path string, head []byte, size int64) bool {
		return keep(path, head, size) || linked[path]
	}
}
