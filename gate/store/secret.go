package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// secretName is the file beside the entries that has the secret of their seals.
const secretName = "secret"

// Secret reads the folder's secret, or makes one where there is none yet. Of
// several processes that come first at once one makes it and all use it. A secret
// that is not whole is made again: what it had sealed is lost, and only that.
func (d *Disk) Secret() ([]byte, error) {
	path := filepath.Join(d.folder, secretName)
	secret, err := os.ReadFile(path)
	if err == nil && len(secret) == SecretSize {
		return secret, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the secret of the cache: %w", err)
	}
	if err == nil {
		_ = os.Remove(path) // it is not whole; if it stays, making it again says why
	}
	if err := d.makeSecret(path); err != nil {
		return nil, fmt.Errorf("making the secret of the cache: %w", err)
	}
	if secret, err = os.ReadFile(path); err != nil || len(secret) != SecretSize {
		return nil, fmt.Errorf("reading the secret of the cache: it has %d bytes: %w", len(secret), err)
	}
	return secret, nil
}

// makeSecret puts a whole secret in its place, unless one is there.
func (d *Disk) makeSecret(path string) error {
	if err := os.MkdirAll(d.folder, 0o700); err != nil {
		return err
	}
	secret := make([]byte, SecretSize)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	temporary, err := writeTemporary(d.folder, bytes.NewReader(secret))
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary) }() // its other name stays
	if err := os.Link(temporary, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return os.Rename(temporary, path) // a file system without hard links
	}
	return nil
}
