package vuln

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/klauspost/compress/zstd"
)

const (
	// maxEntries bounds an archive. A real one has one or two.
	maxEntries = 64
	// maxWindow is the memory that a zstd archive may ask for; its strongest
	// setting asks for 128 MiB.
	maxWindow = 128 << 20
)

// Beginnings of the files that are understood.
var (
	gzipMagic   = []byte{0x1f, 0x8b}
	zstdMagic   = []byte{0x28, 0xb5, 0x2f, 0xfd}
	sqliteMagic = []byte("SQLite format 3\x00")
)

// unpack writes the database of an archive to the folder. The kind of archive is
// told from its content, since names can be anything: tar.gz, tar.zst, or a
// database that is not packed at all. Only vulnerability.db is taken out; a name
// that leads elsewhere makes the whole archive suspect.
func unpack(ctx context.Context, archive io.Reader, name, folder string, options updateOptions) error {
	counted := &progressReader{
		reader:   contextReader{ctx, archive},
		report:   options.progress,
		progress: Progress{Step: StepUnpack, Total: -1},
	}
	err := unpackAny(bufio.NewReaderSize(counted, 64<<10), folder, options.maxUnpacked)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("unpacking vulnerability database %s: %w", name, ctx.Err())
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("it ends too early: %w", io.ErrUnexpectedEOF)
	}
	return &ArchiveError{Name: name, Err: err}
}

func unpackAny(archive *bufio.Reader, folder string, limit int64) error {
	start, err := archive.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case bytes.HasPrefix(start, gzipMagic):
		decompressed, err := gzip.NewReader(archive)
		if err != nil {
			return err
		}
		return unpackTar(decompressed, folder, limit)
	case bytes.HasPrefix(start, zstdMagic):
		decompressed, err := zstd.NewReader(archive, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return err
		}
		defer decompressed.Close()
		return unpackTar(decompressed, folder, limit)
	case bytes.HasPrefix(start, sqliteMagic):
		return writeDatabase(archive, folder, limit)
	case looksLikeHTML(start):
		return errHTML
	case len(start) == 0:
		return errors.New("it is empty")
	default:
		return errors.New("it is neither tar.gz nor tar.zst nor a database")
	}
}

// unpackTar reads to the end of the stream, where gzip and zstd have the checksum
// of their content.
func unpackTar(stream io.Reader, folder string, limit int64) error {
	bounded := &io.LimitedReader{R: stream, N: limit + 1}
	err := takeDatabase(tar.NewReader(bounded), folder, limit)
	if err == nil {
		_, err = io.Copy(io.Discard, bounded)
	}
	if bounded.N <= 0 {
		return tooLarge("its content", limit)
	}
	return err
}

func takeDatabase(archive *tar.Reader, folder string, limit int64) error {
	found := false
	for entries := 0; ; entries++ {
		header, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF) && !found:
			return fmt.Errorf("there is no %s in it", v6.VulnerabilityDBFileName)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case entries >= maxEntries:
			return fmt.Errorf("it has more than %d entries", maxEntries)
		}
		wanted, err := wantedEntry(header)
		switch {
		case err != nil:
			return err
		case !wanted:
			continue
		case found:
			return fmt.Errorf("it has %s twice", v6.VulnerabilityDBFileName)
		}
		found = true
		if err := writeDatabase(archive, folder, limit); err != nil {
			return err
		}
	}
}

// wantedEntry says whether an entry is the database, and refuses what has no
// place in such an archive.
func wantedEntry(header *tar.Header) (bool, error) {
	clean := path.Clean(header.Name)
	if path.IsAbs(header.Name) || clean == ".." || strings.HasPrefix(clean, "../") || strings.Contains(header.Name, `\`) {
		return false, fmt.Errorf("entry %q leads out of the archive", header.Name)
	}
	switch header.Typeflag {
	case tar.TypeReg:
		return clean == v6.VulnerabilityDBFileName, nil
	case tar.TypeDir:
		return false, nil
	default:
		return false, fmt.Errorf("entry %q is neither file nor folder", header.Name)
	}
}

// writeDatabase copies a database to its place in the folder.
func writeDatabase(content io.Reader, folder string, limit int64) error {
	file, err := os.OpenFile(filepath.Join(folder, v6.VulnerabilityDBFileName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	written, err := io.Copy(file, io.LimitReader(content, limit+1))
	if err == nil && written > limit {
		err = tooLarge("the database", limit)
	}
	return errors.Join(err, file.Close())
}
