package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"

	stereofile "github.com/anchore/stereoscope/pkg/file"
	"github.com/anchore/syft/syft/file"
	"github.com/bmatcuk/doublestar/v4"

	"github.com/imagegate/imagegate/sbom"
)

var _ file.Resolver = (*resolver)(nil)

// resolver answers syft's catalogers from a tree as syft's own resolver for the
// squashed scope of an image would: no directories, every file once, links resolved,
// the two names of a hard link apart.
//
// It remembers what it could not answer. Catalogers take such an error for "no
// package here", so Catalog asks the resolver and not them.
type resolver struct {
	ctx  context.Context // of the Catalog call; syft's interface has no place for one
	tree *tree

	steps    atomic.Int64
	maxSteps int64

	mu         sync.Mutex
	references map[int32]stereofile.Reference
	failure    error
	named      map[int32]bool // files that were asked for by path or pattern

	executables func() (map[string][]int32, error)
}

func newResolver(ctx context.Context, files sbom.Files) (*resolver, error) {
	t, err := newTree(ctx, files)
	if err != nil {
		return nil, fmt.Errorf("listing the files: %w", err)
	}
	r := &resolver{ctx: ctx, tree: t, maxSteps: maxLinkSteps, references: map[int32]stereofile.Reference{}, named: map[int32]bool{}}
	r.executables = sync.OnceValues(r.findExecutables)
	return r, nil
}

// err is the first thing that a cataloger asked for and did not get.
func (r *resolver) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure
}

// fail records an error and returns it.
func (r *resolver) fail(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == nil {
		r.failure = err
	}
	return err
}

// spend is the bound on the links that searches go back along.
func (r *resolver) spend() error {
	if r.steps.Add(1) > r.maxSteps {
		return fmt.Errorf("following links to files: more than %d steps: %w", r.maxSteps, errTooManyLinks)
	}
	return nil
}

var errTooManyLinks = errors.New("the image has too many links into links")

// HasPath says whether something is at a path: file, directory or link.
func (r *resolver) HasPath(name string) bool {
	_, ok := r.tree.lstat(clean(name))
	return ok
}

// FilesByPath returns the files at the paths, links resolved.
func (r *resolver) FilesByPath(names ...string) ([]file.Location, error) {
	if r.ctx.Err() != nil {
		return nil, r.fail(context.Cause(r.ctx))
	}
	var answers []found
	for _, name := range names {
		if end, _, ok := r.tree.resolve(clean(name)); ok && !r.tree.isDirectory(end) {
			answers = append(answers, found{access: name, node: end})
		}
	}
	r.note(answers)
	return r.locations(answers), nil
}

// FilesByGlob returns the files whose path matches one of the patterns.
func (r *resolver) FilesByGlob(patterns ...string) ([]file.Location, error) {
	if r.ctx.Err() != nil {
		return nil, r.fail(context.Cause(r.ctx))
	}
	var answers []found
	for _, pattern := range patterns {
		matches, err := r.tree.findGlob(r.ctx, pattern, r.spend)
		if errors.Is(err, doublestar.ErrBadPattern) {
			// Catalogers make patterns of names in the image. One that is no pattern
			// finds nothing for syft either.
			return nil, err
		}
		if err != nil {
			return nil, r.fail(fmt.Errorf("searching for %s: %w", pattern, err))
		}
		answers = append(answers, matches...)
	}
	r.note(answers)
	return r.locations(answers), nil
}

// FilesByMIMEType returns the files whose content is of one of the types. Only the
// types of executables are known, since no cataloger of an image asks for others.
func (r *resolver) FilesByMIMEType(types ...string) ([]file.Location, error) {
	byType, err := r.executables()
	if err != nil {
		return nil, r.fail(err)
	}
	var answers []found
	for _, mimeType := range types {
		if !executableTypes[mimeType] {
			return nil, r.fail(fmt.Errorf("searching for files of type %s: only executables are indexed", mimeType))
		}
		for _, n := range byType[mimeType] {
			answers = append(answers, found{access: r.tree.path(n), node: n, real: true})
		}
	}
	sortFound(answers)
	return r.locations(answers), nil
}

// RelativeFileByPath is the file at a path. There is one layer to be relative to:
// the merged tree.
func (r *resolver) RelativeFileByPath(_ file.Location, name string) *file.Location {
	locations, err := r.FilesByPath(name)
	if err != nil || len(locations) == 0 {
		return nil
	}
	return &locations[0]
}

// AllLocations yields everything that a layer states, links unresolved.
func (r *resolver) AllLocations(ctx context.Context) <-chan file.Location {
	all := make(chan file.Location)
	go func() {
		defer close(all)
		for n := range r.tree.all() {
			if r.tree.at(n).layer < 0 {
				continue
			}
			// Without a reference: a cataloger looks at all and keeps few.
			location := file.NewLocationFromCoordinates(file.NewCoordinates(r.tree.path(n), r.tree.diffID(n)))
			select {
			case <-ctx.Done():
				return
			case <-r.ctx.Done():
				_ = r.fail(context.Cause(r.ctx)) // the list is not complete
				return
			case all <- location:
			}
		}
	}()
	return all
}

// FileContentsByLocation opens a file, or what a link leads to.
func (r *resolver) FileContentsByLocation(location file.Location) (io.ReadCloser, error) {
	if r.ctx.Err() != nil {
		return nil, r.fail(context.Cause(r.ctx))
	}
	end, _, ok := r.tree.resolve(location.RealPath)
	if !ok {
		return nil, fmt.Errorf("opening %s: %w", location.RealPath, fs.ErrNotExist)
	}
	content, err := r.open(end)
	if err == nil && isCondensed(content) && r.isNamed(end) {
		return nil, r.fail(errors.Join(fmt.Errorf("opening %s: %w", location.RealPath, sbom.ErrNotKept), content.Close()))
	}
	if err != nil || !isArchive(location.RealPath) && !isArchive(location.AccessPath) {
		return content, err
	}
	if err := r.checkArchive(end, content); err != nil {
		return nil, errors.Join(err, content.Close())
	}
	return content, nil
}

// note remembers which files were asked for by path or pattern: of those the content
// matters, and not only what kind of program it is.
func (r *resolver) note(answers []found) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, answer := range answers {
		r.named[answer.node] = true
	}
}

func (r *resolver) isNamed(n int32) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.named[n]
}

func isCondensed(content sbom.Content) bool {
	if w, ok := content.(*watched); ok {
		content = w.Content
	}
	_, condensed := content.(sbom.Condensed)
	return condensed
}

// checkArchive looks into an archive before a cataloger unpacks it. That it is out of
// bounds is an answer that a cataloger may live with: it becomes a gap.
func (r *resolver) checkArchive(n int32, content sbom.Content) error {
	size, err := content.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = content.Seek(0, io.SeekStart)
	}
	if err != nil {
		return r.fail(&readError{path: r.tree.path(n), err: err})
	}
	check := archiveCheck{ctx: r.ctx}
	err = check.check(content, size, 1)
	if r.ctx.Err() != nil {
		return r.fail(context.Cause(r.ctx))
	}
	return err
}

// open is the only way to content. An error of it is not an answer that a cataloger
// may live with: it fails the whole document.
func (r *resolver) open(n int32) (sbom.Content, error) {
	name := r.tree.path(n)
	if r.tree.kind(n) != 0 {
		return nil, fmt.Errorf("opening %s: not a regular file", name)
	}
	stated, ok := r.tree.files.Lstat(name)
	if !ok {
		return nil, r.fail(fmt.Errorf("opening %s: %w", name, fs.ErrNotExist))
	}
	content, err := r.tree.files.Open(stated)
	if err != nil {
		return nil, r.fail(fmt.Errorf("opening %s: %w", name, err))
	}
	return &watched{Content: content, ctx: r.ctx, path: name, fail: r.fail}, nil
}

// locations drops the files that are there already, as a cataloger wants each once.
func (r *resolver) locations(answers []found) []file.Location {
	seen := make(map[int32]bool, len(answers))
	unique := make([]file.Location, 0, len(answers))
	for _, answer := range answers {
		if !seen[answer.node] {
			seen[answer.node] = true
			unique = append(unique, r.location(answer))
		}
	}
	return unique
}

func (r *resolver) location(answer found) file.Location {
	name := answer.access
	if !answer.real {
		name = r.tree.path(answer.node)
	}
	location := file.NewLocationFromDirectory(name, r.tree.diffID(answer.node), r.reference(answer.node, name))
	location.AccessPath = answer.access
	return location
}

// reference is syft's identity of a file: sets of locations compare it, so one file
// has one.
func (r *resolver) reference(n int32, name string) stereofile.Reference {
	r.mu.Lock()
	defer r.mu.Unlock()
	reference, ok := r.references[n]
	if !ok {
		reference = *stereofile.NewFileReference(stereofile.Path(name))
		r.references[n] = reference
	}
	return reference
}
