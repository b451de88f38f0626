package vuln

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Import installs a database archive from a file in the database directory: a
// tar.gz or tar.zst, or a vulnerability.db as it is. Like Update it keeps what is
// there if that is as new, unless forced.
func Import(ctx context.Context, path, archive string, options ...UpdateOption) (*Result, error) {
	file, err := os.Open(archive)
	if err != nil {
		return nil, &ArchiveError{Name: archive, Err: err}
	}
	defer file.Close()
	return ImportFrom(ctx, path, file, archive, options...)
}

// ImportFrom is Import from a stream; name is for messages and for the source
// that the installed database gives.
func ImportFrom(ctx context.Context, path string, archive io.Reader, name string, options ...UpdateOption) (*Result, error) {
	settings, err := applyUpdateOptions(options)
	if err != nil {
		return nil, err
	}
	return installArchive(ctx, path, archive, name, "import of "+name, settings)
}

// installArchive unpacks an archive into the database directory.
func installArchive(ctx context.Context, path string, archive io.Reader, name, source string, settings updateOptions) (*Result, error) {
	directory, err := lockDirectory(ctx, path)
	if err != nil {
		return nil, err
	}
	defer directory.unlock()
	folder, err := directory.incoming()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder) // nothing is left there once it is installed
	bounded := &io.LimitedReader{R: archive, N: settings.maxArchive + 1}
	err = unpack(ctx, bounded, name, folder, settings)
	if bounded.N <= 0 {
		return nil, &ArchiveError{Name: name, Err: tooLarge("the archive", settings.maxArchive)}
	}
	if err != nil {
		return nil, err
	}
	settings.progress(Progress{Step: StepInstall})
	return directory.installed(folder, source, settings.force)
}

// installed installs a folder and says what came of it.
func (d *directory) installed(folder, source string, force bool) (*Result, error) {
	database, err := d.install(folder, source, force)
	switch {
	case errors.Is(err, errOlder):
		return &Result{Database: *database}, nil
	case err != nil:
		return nil, fmt.Errorf("installing %s: %w", source, err)
	}
	return &Result{Database: *database, Changed: true}, nil
}
