package store

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Pruning says which entries to remove.
type Pruning struct {
	All bool
	// UnusedFor removes what was not used for so long; 0: nothing for its age.
	UnusedFor time.Duration
	// MaxBytes removes the least recently used until so much is left; negative: any
	// size may stay.
	MaxBytes int64
}

// Pruned is what was removed, and what is left.
type Pruned struct {
	Removed, Left           int
	RemovedBytes, LeftBytes int64
}

// file is one entry in the folder.
type file struct {
	path  string
	bytes int64
	used  time.Time
}

// Prune removes entries. One that another process removes meanwhile, or reads, does
// no harm. What is in the folder and is no entry stays.
func (d *Disk) Prune(p Pruning) (Pruned, error) {
	files, err := d.files()
	if err != nil {
		return Pruned{}, err
	}
	slices.SortFunc(files, func(a, b file) int { // the least recently used first
		return cmp.Or(a.used.Compare(b.used), strings.Compare(a.path, b.path))
	})
	var result Pruned
	for _, f := range files {
		result.Left++
		result.LeftBytes += f.bytes
	}
	var failed []error
	for _, f := range files {
		tooMuch := p.MaxBytes >= 0 && result.LeftBytes > p.MaxBytes
		if !p.All && !tooMuch && (p.UnusedFor <= 0 || time.Since(f.used) < p.UnusedFor) {
			continue
		}
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
			continue
		}
		result.Removed++
		result.RemovedBytes += f.bytes
		result.Left--
		result.LeftBytes -= f.bytes
	}
	return result, errors.Join(failed...)
}

// abandonedAfter is when a file that is still being written is nobody's any more.
const abandonedAfter = time.Hour

// files lists the entries, and removes what crashed processes left behind.
func (d *Disk) files() ([]file, error) {
	var files []file
	folders, err := os.ReadDir(d.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		if !folder.IsDir() || len(folder.Name()) != 2 {
			continue
		}
		inside, err := os.ReadDir(filepath.Join(d.folder, folder.Name()))
		if err != nil {
			return nil, err
		}
		for _, item := range inside {
			path := filepath.Join(d.folder, folder.Name(), item.Name())
			info, err := item.Info()
			if err != nil || !info.Mode().IsRegular() {
				continue // removed meanwhile, or not ours
			}
			switch {
			case isName(item.Name()):
				files = append(files, file{path, info.Size(), info.ModTime()})
			case strings.HasPrefix(item.Name(), unfinished) && time.Since(info.ModTime()) > abandonedAfter:
				_ = os.Remove(path) // if not now, the next time
			}
		}
	}
	return files, nil
}

// sweptName is the file whose time says when the folder was last swept.
const sweptName = "swept"

// How often a folder is looked through for its size.
const (
	sweepAfter = 24 * time.Hour
	sweepShare = 16 // or when one process has written this fraction of the limit
)

// Close keeps the folder within its limit: it removes the least recently used
// entries down to nine tenths of it, if it is time to look.
func (d *Disk) Close() error {
	written := d.written.Swap(0)
	if written == 0 {
		return nil
	}
	mark := filepath.Join(d.folder, sweptName)
	info, err := os.Stat(mark)
	if err == nil && time.Since(info.ModTime()) < sweepAfter && written < d.limit/sweepShare {
		return nil
	}
	// Marked first, so that of several processes that end at once few look.
	if err := replaceFile(mark, strings.NewReader("")); err != nil {
		return err
	}
	if info == nil && written < d.limit/sweepShare {
		return nil // the folder is new
	}
	_, err = d.shrink()
	return err
}

func (d *Disk) shrink() (Pruned, error) {
	files, err := d.files()
	if err != nil {
		return Pruned{}, err
	}
	var total int64
	for _, f := range files {
		total += f.bytes
	}
	if total <= d.limit {
		return Pruned{Left: len(files), LeftBytes: total}, nil
	}
	return d.Prune(Pruning{MaxBytes: d.limit / 10 * 9})
}
