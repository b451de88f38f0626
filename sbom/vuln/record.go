package vuln

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/OneOfOne/xxhash"
	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/spf13/afero"
)

const (
	// maxNote bounds the small files beside a database.
	maxNote = 64 << 10
	// hashAlways is the size up to which a database is hashed at every opening.
	// Hashing 64 MiB takes some 50 ms; grype's public database is over 1 GiB.
	hashAlways = 64 << 20
)

// record is what was known about a database when it was installed.
type record struct {
	Checksum string    `json:"checksum"` // "sha256:…" of the database file
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"` // of the database file
	Built    time.Time `json:"built"`
	Schema   string    `json:"schema"`
	Source   string    `json:"source,omitempty"`
}

// newRecord hashes a database file and describes it.
func newRecord(file string, metadata *v6.DBMetadata, source string) (record, error) {
	sums, err := hashFile(file)
	if err != nil {
		return record{}, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return record{}, err
	}
	return record{
		Checksum: sums.sha256,
		Size:     info.Size(),
		Modified: info.ModTime().UTC(),
		Built:    metadata.BuildTimestamp.UTC(),
		Schema:   schemaOf(metadata),
		Source:   source,
	}, nil
}

func (r record) write(folder string) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, recordName), append(content, '\n'), 0o644)
}

func readRecord(folder string) (record, error) {
	path := filepath.Join(folder, recordName)
	content, err := readSmall(path)
	if err != nil {
		return record{}, missingOrUnreadable(path, err)
	}
	var r record
	if err := json.Unmarshal(content, &r); err != nil {
		return record{}, &DatabaseError{Path: path, Problem: Corrupt, Err: err}
	}
	return r, nil
}

// checksum returns the checksum of the database at p, after comparing the file
// with what was noted when it was installed. A large file whose size and
// modification time are those of the note is not hashed, unless thorough.
func (p place) checksum(thorough bool) (string, error) {
	if !p.managed {
		return p.unmanagedChecksum()
	}
	noted, err := readRecord(p.folder)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(p.file)
	if err != nil {
		return "", missingOrUnreadable(p.file, err)
	}
	untouched := info.Size() == noted.Size && info.ModTime().Equal(noted.Modified)
	if untouched && info.Size() > hashAlways && !thorough {
		return noted.Checksum, nil
	}
	sums, err := hashFile(p.file)
	if err != nil {
		return "", &DatabaseError{Path: p.file, Problem: Unreadable, Err: err}
	}
	if sums.sha256 != noted.Checksum {
		return "", mismatch(p.file, sums.sha256, noted.Checksum)
	}
	return sums.sha256, nil
}

// unmanagedChecksum compares with grype's own note where there is one. A bare
// vulnerability.db has nothing to be compared with.
func (p place) unmanagedChecksum() (string, error) {
	sums, err := hashFile(p.file)
	if err != nil {
		return "", missingOrUnreadable(p.file, err)
	}
	note := filepath.Join(p.folder, v6.ImportMetadataFileName)
	if _, err := os.Stat(note); errors.Is(err, fs.ErrNotExist) {
		return sums.sha256, nil
	}
	metadata, err := v6.ReadImportMetadata(afero.NewOsFs(), p.folder)
	if err != nil {
		return "", &DatabaseError{Path: note, Problem: Corrupt, Err: err}
	}
	if metadata.Digest != sums.xxh64 {
		return "", mismatch(p.file, sums.xxh64, metadata.Digest)
	}
	return sums.sha256, nil
}

func mismatch(file, got, want string) error {
	return &DatabaseError{Path: file, Problem: Corrupt, Err: fmt.Errorf("its checksum is %s, but %s was installed", got, want)}
}

// checksums of one file: SHA-256 identifies it, XXH64 is what grype notes.
type checksums struct{ sha256, xxh64 string }

func hashFile(path string) (checksums, error) {
	file, err := os.Open(path)
	if err != nil {
		return checksums{}, err
	}
	defer file.Close()
	strong, fast := sha256.New(), xxhash.New64()
	if _, err := io.Copy(io.MultiWriter(strong, fast), file); err != nil {
		return checksums{}, fmt.Errorf("hashing %s: %w", path, err)
	}
	return checksums{
		sha256: "sha256:" + hex.EncodeToString(strong.Sum(nil)),
		xxh64:  "xxh64:" + hex.EncodeToString(fast.Sum(nil)),
	}, nil
}

// readSmall reads a file that must be small.
func readSmall(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxNote+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxNote {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxNote)
	}
	return content, nil
}
