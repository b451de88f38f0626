package vuln

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// lockPoll is how often a waiting update looks whether the other one is done.
const lockPoll = 200 * time.Millisecond

// directory is a database directory that this process may change: it holds the
// update lock.
type directory struct {
	root string // DIR/v6
	lock *flock.Flock
}

// lockDirectory waits for other updates of the directory, which it creates.
func lockDirectory(ctx context.Context, path string) (*directory, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("preparing database directory: %w", err)
	}
	root := filepath.Join(path, schemaFolder)
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("preparing database directory: %w", err)
	}
	lock := flock.New(filepath.Join(root, updateLockName))
	held, err := lock.TryLockContext(ctx, lockPoll)
	if err == nil && !held {
		err = errors.New("it cannot be locked")
	}
	if err != nil {
		return nil, fmt.Errorf("waiting for another update of %s: %w", path, err)
	}
	return &directory{root: root, lock: lock}, nil
}

func (d *directory) unlock() { release(d.lock) }

// incoming makes an empty folder in which a database is prepared, on the same
// file system as the place where it will be.
func (d *directory) incoming() (string, error) {
	folder, err := os.MkdirTemp(d.root, incomingPrefix)
	if err != nil {
		return "", fmt.Errorf("preparing database directory: %w", err)
	}
	return folder, os.Chmod(folder, 0o755)
}

// tidy removes what interrupted updates left behind and generations that nobody
// has open. It removes what it can: what stays is removed another time.
func (d *directory) tidy(current string) {
	entries, err := os.ReadDir(d.root)
	if err != nil {
		return
	}
	for _, entry := range entries {
		name := entry.Name()
		folder := filepath.Join(d.root, name)
		switch {
		case !entry.IsDir() || name == current:
		case strings.HasPrefix(name, incomingPrefix):
			_ = os.RemoveAll(folder)
		case generationPattern.MatchString(name):
			removeUnused(folder)
		}
	}
}

func removeUnused(folder string) {
	lock := flock.New(filepath.Join(folder, inUseLockName))
	if held, err := lock.TryLock(); err == nil && held {
		_ = os.RemoveAll(folder)
	}
	release(lock)
}
