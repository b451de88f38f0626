package store

import (
	"cmp"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// Status is what a folder holds.
type Status struct {
	Folder  string
	Limit   int64 // bytes
	Entries int
	Bytes   int64
	Kinds   []Kind
	// Oldest and Newest use of an entry; zero where there is none.
	Oldest, Newest time.Time
}

// Kind is one kind of entries: the first word of their keys. What does not say
// what it is has none.
type Kind struct {
	Name    string
	Entries int
	Bytes   int64
}

// Status looks through the folder. Seals are not checked: it says what entries
// claim to be.
func (d *Disk) Status() (Status, error) {
	files, err := d.files()
	if err != nil {
		return Status{}, err
	}
	s := Status{Folder: d.folder, Limit: d.limit, Entries: len(files)}
	kinds := map[string]*Kind{}
	for _, f := range files {
		s.Bytes += f.bytes
		if s.Oldest.IsZero() || f.used.Before(s.Oldest) {
			s.Oldest = f.used
		}
		if f.used.After(s.Newest) {
			s.Newest = f.used
		}
		name := kindOf(f.path)
		if kinds[name] == nil {
			kinds[name] = &Kind{Name: name}
		}
		kinds[name].Entries++
		kinds[name].Bytes += f.bytes
	}
	for _, kind := range kinds {
		s.Kinds = append(s.Kinds, *kind)
	}
	slices.SortFunc(s.Kinds, func(a, b Kind) int { return cmp.Compare(a.Name, b.Name) })
	return s, nil
}

// kindOf reads the beginning of an entry.
func kindOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // it was only read
	start := make([]byte, sealedAt+4+maxHeader)
	n, err := io.ReadFull(f, start)
	if err != nil && n == 0 {
		return ""
	}
	h, _, err := open(start[:n])
	if err != nil {
		return ""
	}
	kind, _, _ := strings.Cut(h.Key, " ")
	return kind
}
