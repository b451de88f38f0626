package vuln

import (
	"errors"

	"github.com/imagegate/imagegate/sbom"
)

// Status is what 'imagegate db status' shows.
type Status struct {
	// Path of the database file; empty where none was found.
	Path     string
	Database sbom.Database
	// Providers are the sources of the advisories, sorted, with the day on which
	// each was captured.
	Providers []Provider
	// Err is why the database cannot be used, a *DatabaseError; nil where it can.
	Err error
}

// Inspect opens the database at path as Open does, but compares the whole
// content with its checksum, however large.
func Inspect(path string) Status {
	where, err := locate(path)
	if err != nil {
		return Status{Err: err}
	}
	status := Status{Path: where.file}
	if _, status.Err = where.checksum(true); status.Err != nil {
		return status
	}
	database, err := Open(path)
	if err != nil {
		status.Err = err
		return status
	}
	status.Database = database.identity
	status.Providers, err = database.Providers()
	status.Err = errors.Join(err, database.Close())
	return status
}
