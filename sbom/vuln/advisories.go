package vuln

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

const (
	// maxAdvisoryFile bounds one file, in bytes. The largest real ones hold all of EPSS.
	maxAdvisoryFile = 512 << 20
	// maxAdvisoryFiles bounds their number. All of NVD has some 300,000 records.
	maxAdvisoryFiles = 2_000_000
	// loose is the provider of files that lie in no folder.
	loose = "local"
)

// advisoryFile is a file with advisories of one kind.
type advisoryFile struct {
	path   string // slash-separated, below the folder of advisories
	folder string // the first folder of path
	rank   int
}

// errStop ends the reading of a file early.
var errStop = errors.New("stop")

// findAdvisories lists the files below the folder in the order in which they must
// be built, and the files that are at fault.
func findAdvisories(ctx context.Context, root string) ([]advisoryFile, *faults, error) {
	var files []advisoryFile
	found := &faults{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		if entry.IsDir() || !isAdvisoryFile(name) {
			return nil
		}
		if len(files) >= maxAdvisoryFiles {
			return fmt.Errorf("there are more than %d files", maxAdvisoryFiles)
		}
		file, err := newAdvisoryFile(root, name)
		if err != nil {
			found.add(name, 0, err)
			return nil
		}
		files = append(files, file)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("looking for advisories: %w", err)
	}
	slices.SortFunc(files, func(a, b advisoryFile) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.path, b.path))
	})
	return files, found, nil
}

func isAdvisoryFile(name string) bool {
	base := path.Base(name)
	return (strings.HasSuffix(base, ".json") || strings.HasSuffix(base, ".jsonl")) && base != "metadata.json"
}

// newAdvisoryFile looks at the first record of a file.
func newAdvisoryFile(root, name string) (advisoryFile, error) {
	file := advisoryFile{path: name, folder: loose}
	if folder, _, nested := strings.Cut(name, "/"); nested {
		file.folder = folder
	}
	empty := true
	err := file.each(root, func(content []byte) error {
		empty = false
		first, err := recognize(content)
		if err != nil {
			// It is reported with its number when the file is built.
			return errStop
		}
		file.rank = first.rank()
		return errStop
	})
	var fault *RecordError
	switch {
	case errors.As(err, &fault):
		return file, fault.Err
	case err != nil && !errors.Is(err, errStop):
		return file, err
	case empty:
		return file, errors.New("there is nothing in it")
	}
	return file, nil
}

// each calls use with every record of the file. What is no JSON is a
// *RecordError; an error of use ends the reading and is returned as it is.
func (f advisoryFile) each(root string, use func([]byte) error) error {
	opened, err := os.OpenInRoot(root, f.path)
	if err != nil {
		return err
	}
	defer opened.Close()
	info, err := opened.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return &RecordError{File: f.path, Err: errors.New("it is no regular file")}
	case info.Size() > maxAdvisoryFile:
		return &RecordError{File: f.path, Err: tooLarge("it", maxAdvisoryFile)}
	}
	return eachRecord(f.path, io.LimitReader(opened, maxAdvisoryFile), use)
}

// eachRecord reads JSON values one after the other; the elements of an array and
// the entries of CISA's catalogue count as records.
func eachRecord(name string, stream io.Reader, use func([]byte) error) error {
	decoder := json.NewDecoder(stream)
	for number := 1; ; {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &RecordError{File: name, Record: number, Err: fmt.Errorf("it is no JSON: %w", err)}
		}
		for _, record := range elements(value) {
			if err := use(record); err != nil {
				return err
			}
			number++
		}
	}
}

func elements(value json.RawMessage) []json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) == nil && list != nil {
		return list
	}
	var catalogue struct {
		Version         string            `json:"catalogVersion"`
		Vulnerabilities []json.RawMessage `json:"vulnerabilities"`
	}
	if json.Unmarshal(value, &catalogue) == nil && catalogue.Version != "" {
		return catalogue.Vulnerabilities
	}
	return []json.RawMessage{value}
}
