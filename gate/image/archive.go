package image

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// archive is a container that is a tar archive: an index of where in it each
// file lies. Nothing is unpacked.
type archive struct {
	file    *os.File
	entries map[string]entry
}

// entry is one member of an archive.
type entry struct {
	offset, size int64
	link         string // the member it stands for
}

// maxLinks is how many links are followed from one member to another; `docker
// save` uses one for a layer that occurs twice.
const maxLinks = 8

// openArchive reads the table of an archive. The file stays open as long as the
// archive is used; the runtime closes it after that.
func openArchive(ctx context.Context, name string, limits Limits) (*archive, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, (&refused{message: name + " does not exist"}).advising("check the path")
		}
		return nil, err
	}
	a, err := indexArchive(ctx, file, limits)
	if err != nil {
		_ = file.Close() // the reason is err
		return nil, err
	}
	return a, nil
}

func indexArchive(ctx context.Context, file *os.File, limits Limits) (*archive, error) {
	if err := checkArchive(file); err != nil {
		return nil, err
	}
	a := &archive{file: file, entries: map[string]entry{}}
	reader := tar.NewReader(file)
	for range limits.ArchiveEntries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // add secures the names
			return nil, refuse("%s is no tar archive, or a damaged one: %s", file.Name(), err)
		}
		if err := a.add(header); err != nil {
			return nil, err
		}
	}
	return nil, overLimit("ArchiveEntries", int64(limits.ArchiveEntries), "the archive %s", file.Name())
}

// checkArchive refuses what cannot be read in place.
func checkArchive(file *os.File) error {
	info, err := file.Stat()
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return (&refused{message: file.Name() + " is a directory"}).advising("for an OCI layout use oci:" + file.Name())
	case !info.Mode().IsRegular():
		return refuse("%s is no regular file", file.Name())
	}
	head := make([]byte, 6)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if packed := detect(head[:n]); packed != none {
		return (&refused{message: file.Name() + " is packed with " + string(packed) + "; an archive is read in place, which takes a plain one"}).
			advising("unpack it first, for example with `gunzip --keep`")
	}
	return nil
}

// add notes where a member lies. Two files of one name are refused: which one
// counts differs from reader to reader.
func (a *archive) add(header *tar.Header) error {
	name := path.Clean("/" + header.Name)[1:]
	var e entry
	switch header.Typeflag {
	case tar.TypeReg:
		offset, err := a.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		e = entry{offset: offset, size: header.Size}
	case tar.TypeSymlink:
		e = entry{link: path.Join("/", path.Dir(name), header.Linkname)[1:]} //nolint:gosec // a name within the archive: nothing is extracted
	case tar.TypeLink:
		e = entry{link: path.Clean("/" + header.Linkname)[1:]}
	default:
		return nil
	}
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return refuse("%s in the archive is a sparse file, which cannot be read in place", name)
		}
	}
	if _, twice := a.entries[name]; twice {
		return refuse("the archive holds %s twice", name)
	}
	a.entries[name] = e
	return nil
}

// open implements container.
func (a *archive) open(name string) (io.ReadCloser, int64, error) {
	e, ok := a.entries[path.Clean("/" + name)[1:]]
	for range maxLinks {
		if !ok || e.link == "" {
			break
		}
		e, ok = a.entries[e.link]
	}
	if !ok || e.link != "" {
		return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(io.NewSectionReader(a.file, e.offset, e.size)), e.size, nil
}
