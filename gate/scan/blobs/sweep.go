package blobs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// kept is one file of the folder.
type kept struct {
	path  string
	bytes int64
	used  time.Time
}

// abandonedAfter is when a file that is still being written is nobody's any more.
const abandonedAfter = time.Hour

// files are the blobs in the folder. What crashed processes left goes.
func (c *Cache) files() ([]kept, error) {
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		return nil, err
	}
	var list []kept
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // removed meanwhile, or not ours
		}
		path := filepath.Join(c.folder, e.Name())
		switch {
		case len(e.Name()) == 64:
			list = append(list, kept{path, info.Size(), info.ModTime()})
		case strings.HasPrefix(e.Name(), unfinished) && time.Since(info.ModTime()) > abandonedAfter:
			_ = os.Remove(path) // if not now, the next time
		}
	}
	return list, nil
}

// grew notes a new blob, and removes the least recently used ones if there is too
// much. Who still reads one of them goes on reading it.
func (c *Cache) grew(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total += bytes; c.total <= c.limit {
		return
	}
	files, err := c.files()
	if err != nil {
		return
	}
	slices.SortFunc(files, func(a, b kept) int { return a.used.Compare(b.used) })
	c.total = 0
	for _, f := range files {
		c.total += f.bytes
	}
	for _, f := range files {
		if c.total <= c.limit/10*9 {
			return
		}
		if os.Remove(f.path) == nil {
			c.total -= f.bytes
		}
	}
}
