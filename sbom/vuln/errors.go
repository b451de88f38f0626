package vuln

import (
	"fmt"
	"io/fs"
	"strings"
)

// Problem is what is wrong with a database.
type Problem string

// The problems that a DatabaseError can name.
const (
	// Missing: there is no database at the place.
	Missing Problem = "missing"
	// Corrupt: its content is not what was installed, or is no database.
	Corrupt Problem = "corrupt"
	// Unsupported: it is a database of another schema.
	Unsupported Problem = "unsupported"
	// Unreadable: the operating system refuses.
	Unreadable Problem = "unreadable"
)

// DatabaseError says why a database cannot be used. Nothing can be judged with it.
type DatabaseError struct {
	Path    string
	Problem Problem
	Err     error // the details, may be nil
}

func (e *DatabaseError) Error() string {
	message := fmt.Sprintf("vulnerability database %s is %s", e.Path, e.Problem)
	if e.Err != nil {
		message += ": " + e.Err.Error()
	}
	return message
}

func (e *DatabaseError) Unwrap() error { return e.Err }

// Is says that a missing database is a missing file.
func (e *DatabaseError) Is(target error) bool {
	return target == fs.ErrNotExist && e.Problem == Missing
}

// Remedy names the command that mends the database.
func (e *DatabaseError) Remedy() string {
	switch e.Problem {
	case Unreadable:
		return "make " + e.Path + " readable for the user that runs imagegate"
	case Corrupt:
		return "fetch it anew with 'imagegate db update --force', or 'imagegate db import' where there is no network"
	default:
		return "fetch one with 'imagegate db update', or 'imagegate db import' where there is no network"
	}
}

// DistributionError says that packages of a Linux distribution were found, but
// that the database holds nothing about that distribution. Finding nothing then
// means nothing.
type DistributionError struct {
	// Distribution is as os-release names it ("alpine 3.99"); empty where the
	// image does not say.
	Distribution string
	// Packages is how many packages could not be judged, Example is one of them.
	Packages int
	Example  string
}

func (e *DistributionError) Error() string {
	if e.Distribution == "" {
		return fmt.Sprintf("%d operating system packages (%s, …) cannot be judged: the image does not say of which distribution they are",
			e.Packages, e.Example)
	}
	return fmt.Sprintf("%d operating system packages (%s, …) cannot be judged: the vulnerability database knows nothing about %s",
		e.Packages, e.Example, e.Distribution)
}

// Remedy is what to do next.
func (e *DistributionError) Remedy() string {
	if e.Distribution == "" {
		return "keep /etc/os-release (or /usr/lib/os-release) in the image"
	}
	return "update the database with 'imagegate db update', add advisories with 'imagegate db build', or use a base image of a distribution that the database covers"
}

// UpdateError says why no database came from an address. The one in place, if
// any, is still there.
type UpdateError struct {
	URL    string
	Err    error
	hint   string
	passes bool // may be gone in a minute
}

func (e *UpdateError) Error() string {
	return fmt.Sprintf("fetching a vulnerability database from %s: %v", e.URL, e.Err)
}

func (e *UpdateError) Unwrap() error { return e.Err }

// Transient says whether trying again may help.
func (e *UpdateError) Transient() bool { return e.passes }

// Remedy is what to do next.
func (e *UpdateError) Remedy() string {
	if e.hint != "" {
		return e.hint
	}
	return "check the address and the network, or fetch the archive elsewhere and use 'imagegate db import FILE'"
}

// ArchiveError says why a file cannot be taken as a database archive.
type ArchiveError struct {
	Name string
	Err  error
}

func (e *ArchiveError) Error() string {
	return fmt.Sprintf("unpacking vulnerability database %s: %v", e.Name, e.Err)
}

func (e *ArchiveError) Unwrap() error { return e.Err }

// Remedy is what to do next.
func (*ArchiveError) Remedy() string {
	return "fetch the archive again: a tar.gz or tar.zst that holds vulnerability.db, as 'imagegate db build' and grype's service make it"
}

// RecordError is one advisory that cannot be built into a database.
type RecordError struct {
	File   string // below the folder of advisories
	Record int    // counted from 1; 0 where the file itself is at fault
	Err    error
}

func (e *RecordError) Error() string {
	if e.Record == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s: record %d: %v", e.File, e.Record, e.Err)
}

func (e *RecordError) Unwrap() error { return e.Err }

// BuildError holds every advisory that is at fault, so that all can be mended at
// once. No database was built.
type BuildError struct {
	Records []*RecordError
	// More is how many were found beyond those kept in Records.
	More int
}

func (e *BuildError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "building a vulnerability database: %d advisories are at fault", len(e.Records)+e.More)
	for _, record := range e.Records {
		text.WriteString("\n  " + record.Error())
	}
	if e.More > 0 {
		fmt.Fprintf(&text, "\n  and %d more", e.More)
	}
	return text.String()
}

// Unwrap returns every record's error.
func (e *BuildError) Unwrap() []error {
	errs := make([]error, len(e.Records))
	for i, record := range e.Records {
		errs[i] = record
	}
	return errs
}

// Remedy is what to do next.
func (*BuildError) Remedy() string { return "mend or remove the named advisories and build again" }
