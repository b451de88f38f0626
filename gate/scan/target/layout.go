package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// layoutFile marks the folder of an OCI layout (image-layout spec).
const layoutFile = "oci-layout"

// maxDepth is how deep below a folder layouts are looked for.
const maxDepth = 16

var errEnough = errors.New("the reader of the list has had enough")

// layouts lists the images of every OCI layout in a folder, the folder itself
// among them. A reference to one image of a layout is passed on as it is.
func (l *lister) layouts(ctx context.Context, t parsed) stream {
	return func(yield func(Reference, error) bool) {
		if info, err := os.Stat(t.rest); err != nil || !info.IsDir() {
			yield(Reference{Name: t.typed}, nil) // oci:DIR:tag, or nothing: the gate says what is wrong
			return
		}
		found := 0
		err := filepath.WalkDir(t.rest, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case entry.IsDir():
				return tooDeep(t.rest, path)
			case entry.Name() != layoutFile || !entry.Type().IsRegular():
				return nil
			}
			if found++; found > l.options.Limits.Layouts {
				return overLimit("Layouts", l.options.Limits.Layouts)
			}
			if !l.layout(filepath.Dir(path), yield) {
				return errEnough
			}
			return nil
		})
		switch {
		case errors.Is(err, errEnough):
		case err != nil:
			yield(Reference{}, failed(t.typed, err, "looking for OCI layouts in %s", t.rest))
		case found == 0:
			yield(Reference{}, failed(t.typed, &advised{"there is no OCI layout", "give a folder that holds some, each with a file " + layoutFile}, "looking for OCI layouts in %s", t.rest))
		}
	}
}

// tooDeep leaves out what is deep below, and blobs: there are many, and none is a layout.
func tooDeep(root, path string) error {
	relative, err := filepath.Rel(root, path)
	if err != nil || strings.Count(relative, string(filepath.Separator)) >= maxDepth || filepath.Base(path) == "blobs" {
		return fs.SkipDir
	}
	return nil
}

// layout yields the images of one layout by digest. One whose index cannot be read
// is a reference all the same: the gate says why it cannot be judged.
func (l *lister) layout(dir string, yield func(Reference, error) bool) bool {
	var index v1.IndexManifest
	if err := readJSON(filepath.Join(dir, "index.json"), l.options.Limits.Manifest, &index); err != nil {
		return yield(Reference{Name: "oci:" + dir}, nil)
	}
	child := func(digest v1.Hash) (m manifest, err error) {
		return m, readJSON(filepath.Join(dir, "blobs", digest.Algorithm, digest.Hex), l.options.Limits.Manifest, &m)
	}
	seen := map[string]bool{}
	for _, entry := range index.Manifests {
		digest := entry.Digest.String()
		name := fmt.Sprintf("oci:%s@%s", dir, digest)
		if seen[digest] {
			continue
		}
		seen[digest] = true
		if what := besideEntry(entry, child); what != "" {
			l.options.Skipped(name, what)
			continue
		}
		if !yield(Reference{Name: name, Digest: digest}, nil) {
			return false
		}
	}
	return true
}

// besideEntry says what an entry of a layout is that is no image; empty where it is one
// or may be one.
func besideEntry(entry v1.Descriptor, child func(v1.Hash) (manifest, error)) string {
	named := besideTag.MatchString(entry.Annotations["org.opencontainers.image.ref.name"])
	m, err := child(entry.Digest)
	switch {
	case err != nil:
		return ""
	case named && !m.runs(child):
		return besideAnother
	}
	return whatElse(m)
}

// readJSON reads a small file.
func readJSON(path string, limit int64, into any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = overLimit("Manifest", limit)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}
