package vuln

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/anchore/grype/grype/db/data"
	"github.com/anchore/grype/grype/db/provider"
	v6 "github.com/anchore/grype/grype/db/v6"
	v6build "github.com/anchore/grype/grype/db/v6/build"

	"github.com/imagegate/imagegate/sbom"
)

const (
	// writeCache is SQLite's page cache while a database is written, in KiB.
	// grype's default is 1 GiB.
	writeCache = 64 << 10
	// writeBatch is how many records are held before they are written.
	writeBatch = 2000
	// maxFaults bounds the faulty advisories that are reported one by one.
	maxFaults = 100
)

// BuildOptions say from what a database is built, and where it goes.
type BuildOptions struct {
	// Advisories is the folder of advisory files; see Build.
	Advisories string
	// Directory is the database directory in which the database is installed,
	// whatever is there; empty for none.
	Directory string
	// Publish is a folder that gets the archive and latest.json, for any web
	// server to serve as ADDRESS/v6/; empty for none.
	Publish string
	// Built is the build time that the database states; zero for now. The same
	// advisories and the same time give the same rows, though not the same bytes:
	// grype's writer creates its tables in no fixed order.
	Built time.Time
}

// Built is what Build made.
type Built struct {
	Database sbom.Database
	// Records is how many advisories each provider gave.
	Records map[string]int
	// Archive and Listing are the published files; empty where none was asked for.
	Archive, Listing string
}

// Build makes a database from a folder of advisory files, with the record types
// and the writer of grype's own builder. Every .json and .jsonl file below the
// folder is read; what it is shows in its content:
//
//   - OSV records (https://ossf.github.io/osv-schema/), as databases of
//     ecosystems and private advisories have them; see fromOSV for what of them a
//     database can hold;
//   - the provider schemas that grype's builder reads: {"Vulnerability": …} of a
//     distribution, {"Advisory": …} of GitHub, {"cve": {…}} of NVD, CISA's known
//     exploited vulnerabilities (entries or the whole catalogue), EPSS entries;
//   - any of grype's record types in its envelope {"schema", "identifier", "item"}.
//
// A file holds records of one kind: one, several one after the other (JSON
// lines), or an array. The first folder in its path is the name of its provider,
// except where the record itself says who published it (NVD, GitHub, the Go
// vulnerability database, CISA, FIRST). The metadata.json of a provider's
// workspace is not an advisory.
//
// Advisories that cannot be read, or that could never match anything, are all
// reported in one *BuildError, and nothing is built.
func Build(ctx context.Context, options BuildOptions) (*Built, error) {
	if options.Directory == "" && options.Publish == "" {
		return nil, errors.New("building a vulnerability database: neither a database directory nor a folder to publish in was given")
	}
	if options.Built.IsZero() {
		options.Built = time.Now()
	}
	options.Built = options.Built.UTC().Truncate(time.Second)
	work, err := os.MkdirTemp("", "imagegate-build-")
	if err != nil {
		return nil, fmt.Errorf("building a vulnerability database: %w", err)
	}
	defer os.RemoveAll(work)
	built := &Built{}
	if built.Records, err = write(ctx, options, work); err != nil {
		return nil, err
	}
	if options.Publish != "" {
		if built.Archive, built.Listing, err = publish(work, options); err != nil {
			return nil, fmt.Errorf("publishing a vulnerability database: %w", err)
		}
	}
	if options.Directory == "" {
		return built, built.describe(work)
	}
	result, err := installBuilt(ctx, filepath.Join(work, v6.VulnerabilityDBFileName), options)
	if err != nil {
		return nil, err
	}
	built.Database = result.Database
	return built, nil
}

// installBuilt installs the built file in the same way as an archive.
func installBuilt(ctx context.Context, file string, options BuildOptions) (*Result, error) {
	content, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("installing a vulnerability database: %w", err)
	}
	defer content.Close()
	settings, err := applyUpdateOptions([]UpdateOption{WithForce(), WithLimits(DefaultMaxUnpacked, DefaultMaxUnpacked)})
	if err != nil {
		return nil, err
	}
	return installArchive(ctx, options.Directory, content, file, "build of "+options.Advisories, settings)
}

// describe fills in the identity of a database that was not installed.
func (b *Built) describe(folder string) error {
	reader, metadata, err := openReader(folder)
	if err != nil {
		return err
	}
	if err := reader.Close(); err != nil {
		return err
	}
	described, err := newRecord(filepath.Join(folder, v6.VulnerabilityDBFileName), metadata, "")
	if err != nil {
		return fmt.Errorf("describing the new database: %w", err)
	}
	b.Database = sbom.Database{Built: described.Built, Checksum: described.Checksum, Schema: described.Schema}
	return nil
}

// write makes the database file in the folder.
func write(ctx context.Context, options BuildOptions, folder string) (map[string]int, error) {
	files, faults, err := findAdvisories(ctx, options.Advisories)
	if err != nil {
		return nil, fmt.Errorf("building a vulnerability database: %w", err)
	}
	writer, err := v6build.NewWriter(folder, nil, false, writeBatch, v6build.WithSQLiteCacheSizeKiB(writeCache))
	if err != nil {
		return nil, fmt.Errorf("building a vulnerability database: %w", err)
	}
	b := &builder{
		writer:     writer,
		processors: v6build.Processors(v6build.NewConfig(v6build.WithCPEParts([]string{"a", "h", "o"}), v6build.WithInferNVDFixVersions(true))),
		built:      options.Built,
		root:       options.Advisories,
		faults:     faults,
		records:    make(map[string]int),
	}
	err = b.addAll(ctx, files)
	if err = errors.Join(err, writer.Close()); err != nil {
		return nil, fmt.Errorf("building a vulnerability database: %w", err)
	}
	if b.faults.any() {
		return nil, b.faults.err()
	}
	if len(b.records) == 0 {
		return nil, fmt.Errorf("building a vulnerability database: there are no advisories in %s", options.Advisories)
	}
	return b.records, stamp(ctx, filepath.Join(folder, v6.VulnerabilityDBFileName), options.Built)
}

// stamp sets the build time, for which grype's writer takes the clock's. grype
// registered the driver.
func stamp(ctx context.Context, file string, built time.Time) error {
	database, err := sql.Open("sqlite", file)
	if err != nil {
		return fmt.Errorf("setting the build time: %w", err)
	}
	_, err = database.ExecContext(ctx, "UPDATE db_metadata SET build_timestamp = ?", built)
	if err = errors.Join(err, database.Close()); err != nil {
		return fmt.Errorf("setting the build time: %w", err)
	}
	return nil
}

// builder adds advisories to a database that is being written.
type builder struct {
	writer     data.Writer
	processors []data.Processor
	built      time.Time
	root       string
	faults     *faults
	records    map[string]int
}

func (b *builder) addAll(ctx context.Context, files []advisoryFile) error {
	for _, file := range files {
		number := 0
		err := file.each(b.root, func(content []byte) error {
			number++
			if err := ctx.Err(); err != nil {
				return err
			}
			entries, provider, err := b.process(file, content)
			if err != nil {
				b.faults.add(file.path, number, err)
				return nil
			}
			b.records[provider]++
			// Once a record is at fault no database comes of it, and only the
			// other faults are of interest.
			if b.faults.any() {
				return nil
			}
			return b.writer.Write(entries...)
		})
		var unreadable *RecordError
		switch {
		case errors.As(err, &unreadable):
			b.faults.add(unreadable.File, unreadable.Record, unreadable.Err)
		case err != nil:
			return fmt.Errorf("%s: %w", file.path, err)
		}
	}
	return nil
}

// process turns one record into rows, and makes sure that these can match.
func (b *builder) process(file advisoryFile, content []byte) (entries []data.Entry, name string, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("reading it failed: %v", panicked)
		}
	}()
	advisory, err := recognize(content)
	if err != nil {
		return nil, "", err
	}
	if advisory, err = advisory.storable(); err != nil {
		return nil, "", err
	}
	name = advisory.provider(file.folder)
	for _, processor := range b.processors {
		if !processor.IsSupported(advisory.schema) {
			continue
		}
		entries, err = processor.Process(advisory.reader(), provider.State{
			Provider: name, Version: providerVersion(name), Processor: "imagegate", Timestamp: b.built,
		})
		if err != nil {
			return nil, "", err
		}
		return entries, name, checkEntries(entries)
	}
	return nil, "", fmt.Errorf("its schema %q is not known", advisory.schema)
}

// faults collects advisories that are at fault, up to a limit.
type faults struct{ found BuildError }

func (f *faults) any() bool { return len(f.found.Records) > 0 }

func (f *faults) add(file string, record int, err error) {
	if len(f.found.Records) >= maxFaults {
		f.found.More++
		return
	}
	f.found.Records = append(f.found.Records, &RecordError{File: file, Record: record, Err: err})
}

func (f *faults) err() error { return &f.found }
