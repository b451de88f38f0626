package gatetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// Compression of a layer, as its media type names it.
type Compression string

// The compressions that the OCI image spec knows.
const (
	Gzip         Compression = "gzip"
	Zstd         Compression = "zstd"
	Uncompressed Compression = "none"
)

// Entry is one member of a layer. Only Path is needed.
type Entry struct {
	Path    string
	Content string
	// Mode has permission and setuid, setgid and sticky bits, and fs.ModeDir for a
	// directory. Default: 0644, 0755 for a directory.
	Mode fs.FileMode
	// UID and GID are the owner.
	UID, GID int
	// Symlink makes it a symbolic link, Hardlink a hard link to that target.
	Symlink, Hardlink string
	// PAX are further records, such as the extended attributes of star.
	PAX map[string]string
}

// Files makes entries of regular files in order of their paths. A path that ends
// in "/" is a directory; content that starts with "#!" or an ELF header gets mode
// 0755.
func Files(content map[string]string) []Entry {
	var entries []Entry
	for _, path := range slices.Sorted(maps.Keys(content)) {
		entry := Entry{Path: path, Content: content[path]}
		switch {
		case strings.HasSuffix(path, "/"):
			entry.Mode = fs.ModeDir | 0o755
		case strings.HasPrefix(entry.Content, "#!"), strings.HasPrefix(entry.Content, "\x7fELF"):
			entry.Mode = 0o755
		}
		entries = append(entries, entry)
	}
	return entries
}

// Tar is the archive of the entries, as they stand: nothing is added or sorted.
func Tar(t testing.TB, entries ...Entry) []byte {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, entry := range entries {
		require.NoError(t, w.WriteHeader(entry.header()))
		if entry.Symlink == "" && entry.Hardlink == "" {
			_, err := io.WriteString(w, entry.Content)
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return archive.Bytes()
}

func (e Entry) header() *tar.Header {
	header := &tar.Header{
		Name: strings.TrimPrefix(e.Path, "/"), Typeflag: tar.TypeReg, Size: int64(len(e.Content)),
		Mode: 0o644, Uid: e.UID, Gid: e.GID, ModTime: time.Unix(0, 0), Format: tar.FormatPAX, PAXRecords: e.PAX,
	}
	switch {
	case e.Symlink != "":
		header.Typeflag, header.Linkname, header.Size, header.Mode = tar.TypeSymlink, e.Symlink, 0, 0o777
	case e.Hardlink != "":
		header.Typeflag, header.Linkname, header.Size = tar.TypeLink, strings.TrimPrefix(e.Hardlink, "/"), 0
	case e.Mode.IsDir() || strings.HasSuffix(e.Path, "/"):
		header.Typeflag, header.Mode = tar.TypeDir, 0o755
		header.Name = strings.TrimSuffix(header.Name, "/") + "/"
	}
	if e.Mode.Perm() != 0 || e.Mode&specialBits != 0 {
		header.Mode = unixMode(e.Mode)
	}
	return header
}

const specialBits = fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// unixMode has the bits of chmod(2).
func unixMode(mode fs.FileMode) int64 {
	bits := int64(mode.Perm())
	for flag, bit := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if mode&flag != 0 {
			bits |= bit
		}
	}
	return bits
}

// Layer is a layer of these entries with an OCI media type.
func Layer(t testing.TB, compression Compression, entries ...Entry) v1.Layer {
	t.Helper()
	return LayerOf(t, compression, Tar(t, entries...))
}

// LayerOf is a layer whose uncompressed content is what is given, be it a tar
// archive or not.
func LayerOf(t testing.TB, compression Compression, content []byte) v1.Layer {
	t.Helper()
	compressed, mediaType := compress(t, compression, content)
	return &layer{content: content, compressed: compressed, mediaType: mediaType}
}

// RawLayer is a layer of exactly these bytes, media type and diff id, true or not.
func RawLayer(compressed []byte, mediaType types.MediaType, diffID v1.Hash) v1.Layer {
	return &layer{compressed: compressed, mediaType: mediaType, diffID: diffID}
}

func compress(t testing.TB, compression Compression, content []byte) ([]byte, types.MediaType) {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var mediaType types.MediaType
	switch compression {
	case Gzip:
		w, mediaType = gzip.NewWriter(&out), types.OCILayer
	case Zstd:
		encoder, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
		require.NoError(t, err)
		w, mediaType = encoder, types.OCILayerZStd
	default:
		return content, types.OCIUncompressedLayer
	}
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes(), mediaType
}

// layer implements v1.Layer over bytes.
type layer struct {
	content, compressed []byte
	mediaType           types.MediaType
	diffID              v1.Hash
}

func (l *layer) Digest() (v1.Hash, error) { return digestOf(l.compressed), nil }

func (l *layer) DiffID() (v1.Hash, error) {
	if l.diffID != (v1.Hash{}) {
		return l.diffID, nil
	}
	return digestOf(l.content), nil
}

func (l *layer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.compressed)), nil
}

func (l *layer) Uncompressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.content)), nil
}

func (l *layer) Size() (int64, error)                { return int64(len(l.compressed)), nil }
func (l *layer) MediaType() (types.MediaType, error) { return l.mediaType, nil }

func digestOf(content []byte) v1.Hash {
	sum := sha256.Sum256(content)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}
