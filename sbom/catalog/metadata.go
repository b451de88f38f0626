package catalog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"

	stereofile "github.com/anchore/stereoscope/pkg/file"
	"github.com/anchore/syft/syft/file"

	"github.com/imagegate/imagegate/sbom"
)

// FileMetadataByLocation describes a file as its layer states it. The MIME type is
// empty where the content was not kept.
func (r *resolver) FileMetadataByLocation(location file.Location) (file.Metadata, error) {
	n, ok := r.tree.lstat(location.RealPath)
	if !ok {
		return file.Metadata{}, fmt.Errorf("describing %s: %w", location.RealPath, fs.ErrNotExist)
	}
	stated, ok := r.tree.files.Lstat(r.tree.path(n))
	if !ok {
		return file.Metadata{}, fmt.Errorf("describing %s: %w", location.RealPath, fs.ErrNotExist)
	}
	metadata := file.Metadata{
		FileInfo: fileInfo(stated),
		Path:     stated.Path,
		UserID:   int(stated.UID),
		GroupID:  int(stated.GID),
		Type:     fileType(stated.Mode),
	}
	if stated.Mode.Type() == fs.ModeSymlink {
		metadata.LinkDestination = stated.Link
	}
	if stated.Mode.IsRegular() && stated.Size > 0 {
		mimeType, err := r.mimeType(stated)
		if err != nil && !errors.Is(err, sbom.ErrNotKept) {
			return file.Metadata{}, r.fail(err)
		}
		metadata.MIMEType = mimeType
	}
	return metadata, nil
}

func fileInfo(f sbom.File) fs.FileInfo {
	return stereofile.ManualInfo{
		NameValue:    path.Base(f.Path),
		SizeValue:    f.Size,
		ModeValue:    f.Mode,
		ModTimeValue: time.Time{},
	}
}

func fileType(mode fs.FileMode) stereofile.Type {
	switch mode.Type() {
	case 0:
		return stereofile.TypeRegular
	case fs.ModeDir:
		return stereofile.TypeDirectory
	case fs.ModeSymlink:
		return stereofile.TypeSymLink
	case fs.ModeNamedPipe:
		return stereofile.TypeFIFO
	case fs.ModeSocket:
		return stereofile.TypeSocket
	case fs.ModeDevice | fs.ModeCharDevice, fs.ModeCharDevice:
		return stereofile.TypeCharacterDevice
	case fs.ModeDevice:
		return stereofile.TypeBlockDevice
	default:
		return stereofile.TypeIrregular
	}
}

// mimeType reads the head of a file and names its type, as stereoscope does.
func (r *resolver) mimeType(f sbom.File) (string, error) {
	content, err := r.tree.files.Open(f)
	if err != nil {
		return "", fmt.Errorf("opening %s: %w", f.Path, err)
	}
	defer func() { _ = content.Close() }()
	return typeOf(content, f.Path)
}

func typeOf(content io.Reader, name string) (string, error) {
	reader := &errorReader{reader: content}
	mimeType := stereofile.MIMEType(reader)
	if reader.err != nil {
		return "", &readError{path: name, err: reader.err}
	}
	return mimeType, nil
}

// errorReader remembers a read error, which type detection would drop.
type errorReader struct {
	reader io.Reader
	err    error
}

func (r *errorReader) Read(p []byte) (int, error) {
	n, err := r.reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
