package vuln

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/gofrs/flock"

	"github.com/imagegate/imagegate/sbom"
)

// Database is one open snapshot. It is safe for concurrent use, and stays what
// it is when the directory that it was opened from gets a newer one.
type Database struct {
	reader   v6.Reader
	queries  *queryWatch
	identity sbom.Database
	inUse    *flock.Flock // nil where the database is not of a database directory
}

// Open opens the database at path: a database directory, a directory with
// vulnerability.db in it, grype's cache directory, or that file itself. The
// content is compared with the checksum that was noted when it was installed. A
// database that cannot be judged with is a *DatabaseError.
func Open(path string) (*Database, error) {
	var err error
	// Between finding the current generation and marking it as in use it may be
	// replaced and removed; then the next one is current.
	for range 3 {
		var database *Database
		if database, err = open(path); err == nil {
			return database, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return nil, err
}

func open(path string) (*Database, error) {
	where, err := locate(path)
	if err != nil {
		return nil, err
	}
	inUse, err := where.markInUse()
	if err != nil {
		return nil, err
	}
	database, err := where.open()
	if err != nil {
		release(inUse)
		return nil, err
	}
	database.inUse = inUse
	return database, nil
}

func (p place) open() (database *Database, err error) {
	sum, err := p.checksum(false)
	if err != nil {
		return nil, err
	}
	reader, metadata, err := openReader(p.folder)
	if err != nil {
		return nil, err
	}
	queries, err := watchQueries(reader)
	if err = cmp.Or(err, keepAnswers(reader)); err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	identity := sbom.Database{Built: metadata.BuildTimestamp.UTC(), Checksum: sum, Schema: schemaOf(metadata)}
	if p.managed {
		noted, err := readRecord(p.folder)
		if err != nil {
			return nil, errors.Join(err, reader.Close())
		}
		identity.Source = noted.Source
	}
	return &Database{reader: reader, queries: queries, identity: identity}, nil
}

// openReader opens the database file of a folder and checks that it is one of
// the supported schema.
func openReader(folder string) (reader v6.Reader, metadata *v6.DBMetadata, err error) {
	file := filepath.Join(folder, v6.VulnerabilityDBFileName)
	defer func() {
		if panicked := recover(); panicked != nil {
			err = &DatabaseError{Path: file, Problem: Corrupt, Err: fmt.Errorf("reading it failed: %v", panicked)}
		}
	}()
	// grype hands the path to SQLite as a URI without escaping it.
	if strings.ContainsAny(file, "?#%") {
		return nil, nil, &DatabaseError{Path: file, Problem: Unreadable, Err: errors.New("its path must not contain '?', '#' or '%'")}
	}
	reader, err = v6.NewReader(v6.Config{DBDirPath: folder})
	if err != nil {
		return nil, nil, &DatabaseError{Path: file, Problem: problemOf(err), Err: err}
	}
	metadata, err = reader.GetDBMetadata()
	switch {
	case err != nil:
		err = &DatabaseError{Path: file, Problem: Corrupt, Err: fmt.Errorf("reading its description: %w", err)}
	case metadata.BuildTimestamp == nil || metadata.BuildTimestamp.IsZero():
		err = &DatabaseError{Path: file, Problem: Corrupt, Err: errors.New("it does not say when it was built")}
	}
	if err != nil {
		_ = reader.Close() // the database is refused already
		return nil, nil, err
	}
	// The reader notes the day of the EPSS scores when it is first asked for one,
	// without a lock; asked here, it is only read by the matches that share it. A
	// database without scores notes nothing, and says so again to each of them.
	_, _ = reader.GetEpss("")
	return reader, metadata, nil
}

// problemOf tells a database of another schema from a damaged one. grype has no
// error value for it.
func problemOf(err error) Problem {
	if strings.Contains(err.Error(), fmt.Sprintf("not a v%d database", v6.ModelVersion)) {
		return Unsupported
	}
	return Corrupt
}

func schemaOf(metadata *v6.DBMetadata) string {
	return fmt.Sprintf("%d.%d.%d", metadata.Model, metadata.Revision, metadata.Addition)
}

// Database identifies the snapshot. It never fails; the error is there so that
// Database and Unavailable are asked alike.
func (d *Database) Database() (*sbom.Database, error) {
	identity := d.identity
	return &identity, nil
}

// Close releases the snapshot. Matches that are still running may fail.
func (d *Database) Close() error {
	err := d.reader.Close()
	release(d.inUse)
	if err != nil {
		return fmt.Errorf("closing the vulnerability database: %w", err)
	}
	return nil
}

// markInUse keeps a generation from being removed while it is open. Where the
// directory is read-only this works too, since the lock's file is there already; it
// is not created, so that a generation that is gone does not come back.
func (p place) markInUse() (*flock.Flock, error) {
	if !p.managed {
		return nil, nil
	}
	lock := flock.New(filepath.Join(p.folder, inUseLockName), flock.SetFlag(os.O_RDONLY))
	held, err := lock.TryRLock()
	switch {
	case err != nil:
		return nil, missingOrUnreadable(p.folder, err)
	case !held: // it is being removed this moment
		return nil, &DatabaseError{Path: p.folder, Problem: Missing}
	}
	return lock, nil
}

func release(lock *flock.Flock) {
	if lock != nil {
		_ = lock.Close() // the file is closed in any case, and with it the lock
	}
}

// Unavailable stands where a Database could not be opened: asked for a match, it
// says why there is none.
type Unavailable struct{ Err error }

// Match returns the reason.
func (u Unavailable) Match(context.Context, *sbom.Document) ([]sbom.Vulnerability, error) {
	return nil, u.Err
}

// Database returns the reason.
func (u Unavailable) Database() (*sbom.Database, error) { return nil, u.Err }
