package vuln

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/spf13/afero"

	"github.com/imagegate/imagegate/sbom"
)

// errOlder is why a database was not installed: the one in place is as new.
var errOlder = errors.New("the installed database is as new or newer")

// current describes the database of the directory, nil where there is none that
// can be used: a damaged one keeps nothing from being installed.
func (d *directory) current() *sbom.Database {
	database, err := Open(filepath.Dir(d.root))
	if err != nil {
		return nil
	}
	identity := database.identity
	if database.Close() != nil {
		return nil
	}
	return &identity
}

// install makes the database file in the folder the current one, and removes
// what it replaces. The folder is one that incoming made. Unless force is set, a
// database that is not newer than the current one is refused with errOlder, and
// one from the future is refused too, since nothing could replace it.
func (d *directory) install(folder, source string, force bool) (*sbom.Database, error) {
	metadata, err := prepare(folder)
	if err != nil {
		return nil, err
	}
	if !force && metadata.BuildTimestamp.After(time.Now().Add(maxAhead)) {
		return nil, &DatabaseError{
			Path: folder, Problem: Corrupt,
			Err: fmt.Errorf("it says that it was built in the future (%s)", metadata.BuildTimestamp.UTC().Format(time.RFC3339)),
		}
	}
	if have := d.current(); have != nil && !force && !metadata.BuildTimestamp.After(have.Built) {
		return have, errOlder
	}
	installed, err := describeFolder(folder, metadata, source)
	if err != nil {
		return nil, fmt.Errorf("describing the new database: %w", err)
	}
	name, err := d.publish(folder, installed)
	if err != nil {
		return nil, fmt.Errorf("installing the new database: %w", err)
	}
	d.tidy(name)
	return &sbom.Database{
		Built: installed.Built, Checksum: installed.Checksum, Schema: installed.Schema, Source: installed.Source,
	}, nil
}

// prepare checks the database in the folder and adds the indexes that archives
// are published without, which grype calls hydrating.
func prepare(folder string) (metadata *v6.DBMetadata, err error) {
	file := filepath.Join(folder, v6.VulnerabilityDBFileName)
	defer func() {
		if panicked := recover(); panicked != nil {
			err = &DatabaseError{Path: file, Problem: Corrupt, Err: fmt.Errorf("indexing it failed: %v", panicked)}
		}
	}()
	reader, metadata, err := openReader(folder)
	if err != nil {
		return nil, err
	}
	if err := reader.Close(); err != nil {
		return nil, fmt.Errorf("closing the new database: %w", err)
	}
	if err := v6.Hydrater()(folder); err != nil {
		return nil, &DatabaseError{Path: file, Problem: Corrupt, Err: fmt.Errorf("indexing it: %w", err)}
	}
	return metadata, nil
}

// describeFolder writes the notes beside a database that is not changed any more.
func describeFolder(folder string, metadata *v6.DBMetadata, source string) (record, error) {
	file := filepath.Join(folder, v6.VulnerabilityDBFileName)
	if err := os.Chmod(file, 0o444); err != nil {
		return record{}, err
	}
	if _, err := v6.WriteImportMetadata(afero.NewOsFs(), folder, source); err != nil {
		return record{}, err
	}
	if err := os.WriteFile(filepath.Join(folder, inUseLockName), nil, 0o644); err != nil {
		return record{}, err
	}
	described, err := newRecord(file, metadata, source)
	if err != nil {
		return record{}, err
	}
	return described, described.write(folder)
}

// publish moves the folder to its name and makes that name the current one. The
// file that says so is replaced by one rename, after the content is on disk.
func (d *directory) publish(folder string, installed record) (string, error) {
	if err := syncFile(filepath.Join(folder, v6.VulnerabilityDBFileName)); err != nil {
		return "", err
	}
	name, err := d.freeName(installed)
	if err != nil {
		return "", err
	}
	if err := os.Rename(folder, filepath.Join(d.root, name)); err != nil {
		return "", err
	}
	return name, replaceFile(filepath.Join(d.root, currentName), []byte(name+"\n"))
}

// freeName is the build time and the beginning of the checksum. A database that
// is installed again gets a number, since the damaged one may still be open.
func (d *directory) freeName(installed record) (string, error) {
	sum := strings.TrimPrefix(installed.Checksum, "sha256:")
	base := installed.Built.UTC().Format("20060102T150405Z") + "-" + sum[:12]
	for number := 1; number < 1000; number++ {
		name := base
		if number > 1 {
			name = fmt.Sprintf("%s-%d", base, number)
		}
		if _, err := os.Lstat(filepath.Join(d.root, name)); errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
	}
	return "", errors.New("too many copies of it are in use")
}

// replaceFile writes a file beside path and renames it there.
func replaceFile(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Chmod(0o644), temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}

func syncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// sameSecond compares build times as listings give them: to the second.
func sameSecond(a, b time.Time) bool {
	difference := a.Sub(b)
	return difference.Abs() <= time.Second
}
