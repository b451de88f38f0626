package catalog

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/flate"
)

// Bounds of one archive that the cataloger of Java archives unpacks, with all that
// are nested in it. syft's own is two gigabytes for each file in it, which it reads
// into memory, and none for how deep or how often archives nest: an archive may
// contain itself. Real ones stay far below.
const (
	// maxArchiveText is the size of the manifests and licences of one archive, which
	// are read into memory all at once.
	maxArchiveText = 64 << 20
	// maxArchiveNested is the size of all archives in it, which are unpacked to disk.
	maxArchiveNested = 2 << 30
	// maxArchives in it.
	maxArchives = 10_000
	// maxArchiveDepth of archives in archives.
	maxArchiveDepth = 16
	// maxArchiveFiles in one archive.
	maxArchiveFiles = 1_000_000
)

// archiveExtensions are lower-case; the file's may be either.
var archiveExtensions = set(
	".jar", ".war", ".ear", ".par", ".sar", ".nar", ".kar", ".far", ".hpi", ".jpi", ".lpkg", ".rar", ".zip",
)

func isArchive(name string) bool { return archiveExtensions[strings.ToLower(path.Ext(name))] }

// isArchiveText says whether a file of an archive is read into memory.
func isArchiveText(name string) bool {
	switch base := strings.ToLower(path.Base(name)); base {
	case "manifest.mf", "pom.properties", "pom.xml", "version.properties":
		return true
	default:
		return isLicence(base)
	}
}

// archiveCheck adds up what unpacking one archive would take. It goes by the sizes
// that archives state: a file that is longer than it states fails to unpack.
type archiveCheck struct {
	ctx      context.Context
	archives int
	nested   uint64
	inflater io.ReadCloser // of one file at a time
}

// errArchive is an archive that is not unpacked.
var errArchive = errors.New("the archive is not unpacked")

func refuseArchive(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errArchive, fmt.Sprintf(format, args...))
}

// check refuses an archive that is out of bounds, or that looks like one and cannot
// be read: another reader might unpack what was not checked. What is no archive at
// all is for the cataloger to say.
func (c *archiveCheck) check(content io.ReaderAt, size int64, depth int) error {
	if depth > maxArchiveDepth {
		return refuseArchive("archives are nested more than %d deep", maxArchiveDepth)
	}
	if err := c.checkFiles(content, size); err != nil {
		return err
	}
	archive, err := zip.NewReader(content, size)
	switch {
	case errors.Is(err, zip.ErrFormat) && !hasEnd(content, size):
		return nil
	case err != nil && !errors.Is(err, zip.ErrInsecurePath): // nothing is unpacked by its name
		return err
	}
	archive.RegisterDecompressor(zip.Deflate, c.inflate)
	var text uint64
	for _, file := range archive.File {
		if isArchiveText(file.Name) {
			// Added up so that it cannot overflow.
			if text += min(file.UncompressedSize64, maxArchiveText+1); text > maxArchiveText {
				return refuseArchive("its manifests and licences are longer than %d bytes", maxArchiveText)
			}
		}
		if isArchive(file.Name) {
			if err := c.checkNested(content, file, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// inflate does what the standard library's does, in less time.
func (c *archiveCheck) inflate(from io.Reader) io.ReadCloser {
	if c.inflater == nil {
		c.inflater = flate.NewReader(from)
	} else {
		_ = c.inflater.(flate.Resetter).Reset(from, nil) // never fails
	}
	return c.inflater
}

// hasEnd says whether there is an end record where readers look for it, which a
// comment of up to 64 KiB may follow (APPNOTE.TXT, 4.3.16).
func hasEnd(content io.ReaderAt, size int64) bool {
	tail := make([]byte, min(size, 64<<10+22))
	n, err := content.ReadAt(tail, size-int64(len(tail)))
	return err != nil && !errors.Is(err, io.EOF) || bytes.Contains(tail[:n], []byte("PK\x05\x06"))
}

// checkFiles counts the entries before a reader makes room for them.
func (c *archiveCheck) checkFiles(content io.ReaderAt, size int64) error {
	const shortest = 46 // bytes of an entry of the directory (APPNOTE.TXT, 4.3.12)
	if size < maxArchiveFiles*shortest {
		return nil
	}
	entry, chunk := []byte("PK\x01\x02"), make([]byte, 1<<20)
	files := 0
	for offset := int64(0); offset < size; offset += int64(len(chunk) - len(entry) + 1) {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		n, err := content.ReadAt(chunk, offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if files += bytes.Count(chunk[:n], entry); files > maxArchiveFiles {
			return refuseArchive("it has more than %d files", maxArchiveFiles)
		}
	}
	return nil
}

// checkNested looks into an archive in an archive: where it lies if it is stored as
// it is, else in a file that has no name.
func (c *archiveCheck) checkNested(content io.ReaderAt, file *zip.File, depth int) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if c.archives++; c.archives > maxArchives {
		return refuseArchive("it has more than %d archives in it", maxArchives)
	}
	if c.nested += min(file.UncompressedSize64, maxArchiveNested+1); c.nested > maxArchiveNested {
		return refuseArchive("the archives in it are longer than %d bytes", maxArchiveNested)
	}
	size := int64(file.UncompressedSize64)
	if file.Method == zip.Store {
		start, err := file.DataOffset()
		if err != nil {
			return err
		}
		return c.check(io.NewSectionReader(content, start, size), size, depth+1)
	}
	unpacked, err := unpack(file, size)
	if err != nil {
		return err
	}
	defer func() { _ = unpacked.Close() }()
	return c.check(unpacked, size, depth+1)
}

func unpack(file *zip.File, size int64) (*os.File, error) {
	compressed, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = compressed.Close() }()
	unpacked, err := os.CreateTemp("", "imagegate-archive-")
	if err != nil {
		return nil, err
	}
	err = os.Remove(unpacked.Name())
	if err == nil {
		_, err = io.CopyN(unpacked, compressed, size)
	}
	if err != nil {
		return nil, errors.Join(err, unpacked.Close())
	}
	return unpacked, nil
}
