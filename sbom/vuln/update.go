package vuln

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"

	"github.com/imagegate/imagegate/sbom"
)

// maxAhead is how far a build time may lie in the future. A database "of next
// year" would keep every update away until then.
const maxAhead = 24 * time.Hour

// Result is what an update or import did.
type Result struct {
	// Database is the one in place afterwards.
	Database sbom.Database
	// Changed is false where that was there before.
	Changed bool
	// Notice is what the service says about its future, for the user to read;
	// mostly empty.
	Notice string
}

// Update fetches the latest database from the address (see List) and installs it
// in the database directory, unless what is there is as new. Whatever fails, the
// database in place stays. Errors of the address are an *UpdateError, errors of
// what it sent an *ArchiveError or *DatabaseError.
func Update(ctx context.Context, path, address string, options ...UpdateOption) (*Result, error) {
	client, err := newClient(address, options)
	if err != nil {
		return nil, err
	}
	directory, err := lockDirectory(ctx, path)
	if err != nil {
		return nil, err
	}
	defer directory.unlock()
	latest, err := client.latest(ctx)
	if err != nil {
		return nil, err
	}
	if err := latest.plausible(time.Now()); err != nil {
		return nil, client.failed(err)
	}
	have := directory.current()
	if have != nil && !client.options.force && !latest.Built.After(have.Built) {
		return &Result{Database: *have, Notice: latest.notice()}, nil
	}
	installed, err := client.fetch(ctx, directory, latest)
	if err != nil {
		return nil, err
	}
	return &Result{Database: *installed, Changed: true, Notice: latest.notice()}, nil
}

// plausible refuses listings that no update should follow.
func (a Available) plausible(now time.Time) error {
	if wanted := fmt.Sprintf("%d.", v6.ModelVersion); len(a.Schema) < 2 || a.Schema[:2] != wanted {
		return fmt.Errorf("it offers a database of schema %s, but %d is needed", a.Schema, v6.ModelVersion)
	}
	if a.Built.After(now.Add(maxAhead)) {
		return fmt.Errorf("it offers a database that was built in the future (%s)", a.Built.Format(time.RFC3339))
	}
	return nil
}

func (a Available) notice() string {
	switch a.Status {
	case "deprecated":
		return "databases of this schema will soon not be updated any more: a newer imagegate will be needed"
	case "eol":
		return "databases of this schema are not updated any more: a newer imagegate is needed"
	default:
		return ""
	}
}

// fetch downloads, unpacks and installs one database.
func (c *client) fetch(ctx context.Context, directory *directory, latest Available) (*sbom.Database, error) {
	folder, err := directory.incoming()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder) // nothing is left there once it is installed
	archive, err := os.CreateTemp(folder, "archive-")
	if err != nil {
		return nil, fmt.Errorf("preparing database directory: %w", err)
	}
	defer archive.Close()
	if err := c.download(ctx, latest, archive); err != nil {
		return nil, err
	}
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	if err := unpack(ctx, archive, latest.URL, folder, c.options); err != nil {
		return nil, err
	}
	if err := os.Remove(archive.Name()); err != nil {
		return nil, fmt.Errorf("removing the archive: %w", err)
	}
	if err := latest.describes(folder); err != nil {
		return nil, c.failed(err)
	}
	c.options.progress(Progress{Step: StepInstall})
	return directory.install(folder, latest.URL, true)
}

// describes makes sure that an old database is not offered as a new one.
func (a Available) describes(folder string) error {
	reader, metadata, err := openReader(folder)
	if err != nil {
		return err
	}
	if err := reader.Close(); err != nil {
		return err
	}
	if !sameSecond(*metadata.BuildTimestamp, a.Built) {
		return fmt.Errorf("the listing says that the database was built at %s, but the database says %s",
			a.Built.Format(time.RFC3339), metadata.BuildTimestamp.UTC().Format(time.RFC3339))
	}
	return nil
}
