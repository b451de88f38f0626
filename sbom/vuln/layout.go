package vuln

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	v6 "github.com/anchore/grype/grype/db/v6"
)

// Names within a database directory; see the package comment.
const (
	schemaFolder   = "v6"
	grypeFolder    = "6"
	currentName    = "current"
	updateLockName = "update.lock"
	inUseLockName  = "in-use.lock"
	recordName     = "imagegate.json"
	incomingPrefix = ".incoming-"
)

// generationPattern is what the file "current" may say: a plain name, so that an
// edited file leads nowhere else.
var generationPattern = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z-[0-9a-z-]{1,64}$`)

// place is where a database was found.
type place struct {
	folder string // that holds the database file
	file   string
	// managed says that the folder is a generation of a database directory.
	managed bool
}

// locate finds the database at path in any of the forms that Open takes.
func locate(path string) (place, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return place{}, &DatabaseError{Path: path, Problem: Unreadable, Err: err}
	}
	info, err := os.Stat(path)
	if err != nil {
		return place{}, missingOrUnreadable(path, err)
	}
	if !info.IsDir() {
		return unmanaged(filepath.Dir(path), filepath.Base(path))
	}
	generation, err := currentGeneration(path)
	if err == nil {
		folder := filepath.Join(path, schemaFolder, generation)
		return place{folder: folder, file: filepath.Join(folder, v6.VulnerabilityDBFileName), managed: true}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return place{}, err
	}
	for _, folder := range []string{path, filepath.Join(path, grypeFolder)} {
		if _, err := os.Stat(filepath.Join(folder, v6.VulnerabilityDBFileName)); err == nil {
			return unmanaged(folder, v6.VulnerabilityDBFileName)
		}
	}
	return place{}, &DatabaseError{Path: path, Problem: Missing}
}

// unmanaged is a database that somebody else put where it is.
func unmanaged(folder, name string) (place, error) {
	if name != v6.VulnerabilityDBFileName {
		return place{}, &DatabaseError{
			Path: filepath.Join(folder, name), Problem: Unsupported,
			Err: fmt.Errorf("a database file is called %s; an archive must be imported first", v6.VulnerabilityDBFileName),
		}
	}
	return place{folder: folder, file: filepath.Join(folder, name)}, nil
}

// currentGeneration reads the name of the generation in use of a database
// directory. The error is fs.ErrNotExist where directory is none, or is empty.
func currentGeneration(directory string) (string, error) {
	path := filepath.Join(directory, schemaFolder, currentName)
	content, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err != nil {
		return "", missingOrUnreadable(path, err)
	}
	name := strings.TrimSpace(string(content))
	if !generationPattern.MatchString(name) {
		return "", &DatabaseError{Path: path, Problem: Corrupt, Err: errors.New("it does not name a generation")}
	}
	return name, nil
}

func missingOrUnreadable(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &DatabaseError{Path: path, Problem: Missing}
	}
	return &DatabaseError{Path: path, Problem: Unreadable, Err: err}
}
