package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// Disk keeps entries as files below a folder, in 256 folders by the first digits
// of their names. Several processes may share it:
//
//   - A file is written under another name and then renamed, so that a reader sees
//     all of one entry. It is not synced: what a crash leaves is found out by its
//     seal.
//   - The modification time of a file is when it was last used, give or take
//     touchAfter. The least recently used go first when there is too much.
type Disk struct {
	folder  string
	limit   int64
	written atomic.Int64 // by this process, since the last sweep
}

// DefaultLimit of a folder, in bytes: the facts of some thousand images.
const DefaultLimit = 1 << 30

// maxEntry bounds an entry as read, in bytes: what is larger was not written here.
const maxEntry = MaxValue + maxHeader + 1<<10

// touchAfter is how old the last use of an entry must be to be noted again.
const touchAfter = time.Hour

// NewDisk keeps entries in a folder, which is made when the first is written, and
// not much more than limit bytes of them. A limit of 0 is DefaultLimit.
func NewDisk(folder string, limit int64) *Disk {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Disk{folder: folder, limit: limit}
}

func (d *Disk) path(name string) string { return filepath.Join(d.folder, name[:2], name) }

// isName says whether a file name is that of an entry.
func isName(name string) bool {
	sum, err := hex.DecodeString(name)
	return err == nil && len(sum) == 32
}

// Get implements Backend.
func (d *Disk) Get(_ context.Context, name string) ([]byte, error) {
	f, err := os.Open(d.path(name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxEntry {
		return nil, fs.ErrNotExist
	}
	entry := make([]byte, info.Size())
	if _, err := io.ReadFull(f, entry); err != nil {
		return nil, err
	}
	if now := time.Now(); now.Sub(info.ModTime()) > touchAfter {
		_ = os.Chtimes(f.Name(), now, now) // a folder that is read only is used all the same
	}
	return entry, nil
}

// Put implements Backend.
func (d *Disk) Put(_ context.Context, name string, entry io.Reader, size int64) error {
	path := d.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := replaceFile(path, entry); err != nil {
		return err
	}
	d.written.Add(size)
	return nil
}

// unfinished begins the names of files that are being written.
const unfinished = ".new-"

// replaceFile replaces a file as a whole, readable by the user alone.
func replaceFile(path string, content io.Reader) error {
	temporary, err := writeTemporary(filepath.Dir(path), content)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		_ = os.Remove(temporary) // the first error is the one to report
		return err
	}
	return nil
}

func writeTemporary(folder string, content io.Reader) (path string, err error) {
	f, err := os.CreateTemp(folder, unfinished+"*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, content)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error is the one to report
		return "", fmt.Errorf("writing %s: %w", f.Name(), err)
	}
	return f.Name(), nil
}
