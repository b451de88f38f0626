package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/anchore/syft/syft"
	syftsbom "github.com/anchore/syft/syft/sbom"
	"github.com/google/licensecheck"

	"github.com/imagegate/imagegate/sbom"
)

// Cataloger makes bills of materials. It is immutable and safe for concurrent use.
type Cataloger struct {
	licenseTexts func([]byte) licensecheck.Coverage // nil if texts are not read
}

// Option sets something that has a default.
type Option func(*Cataloger)

// New returns a Cataloger.
func New(options ...Option) *Cataloger {
	c := &Cataloger{licenseTexts: licensecheck.Scan}
	for _, option := range options {
		option(c)
	}
	return c
}

// Catalog finds the packages in the files of one platform image. The document is
// complete but for its Gaps; where files could not be read as a cataloger asked for
// them, there is no document but an *Error.
func (c *Cataloger) Catalog(ctx context.Context, image sbom.Image, files sbom.Files) (*sbom.Document, error) {
	document, err := c.catalog(ctx, image, files)
	if err != nil {
		return nil, &Error{Image: image.Name, Digest: image.Digest, Err: err}
	}
	return document, nil
}

func (c *Cataloger) catalog(ctx context.Context, image sbom.Image, files sbom.Files) (*sbom.Document, error) {
	r, err := newResolver(ctx, files)
	if err != nil {
		return nil, err
	}
	withScanner, err := c.withLicenseScanner(ctx)
	if err != nil {
		return nil, err
	}
	engine, err := run(withScanner, &source{image: image, resolver: r}, configuration())
	// What the resolver could not answer explains best why cataloging failed, and has
	// made it fail even where no cataloger says so.
	if failure := r.err(); failure != nil {
		return nil, failure
	}
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	gaps, err := r.gaps(image, engine)
	if err != nil {
		return nil, err
	}
	if engine.Descriptor.Configuration, err = plainForm(configured{Gaps: gaps, Cataloging: engine.Descriptor.Configuration}); err != nil {
		return nil, err
	}
	return newDocument(engine, gaps), nil
}

// maxStopping is how long syft may go on with what it has read when time is up. What
// it asks for then, it does not get.
const maxStopping = 30 * time.Second

// run keeps the end of ctx from syft, which would return at once and leave its
// catalogers running: on files that are closed by then, and in temporary folders that
// nobody removes again. Its resolver is told instead, so that they end.
func run(ctx context.Context, image *source, config *syft.CreateSBOMConfig) (*syftsbom.SBOM, error) {
	type answer struct {
		engine *syftsbom.SBOM
		err    error
	}
	answers := make(chan answer, 1)
	go func() {
		engine, err := contained(context.WithoutCancel(ctx), image, config)
		answers <- answer{engine, err}
	}()
	select {
	case a := <-answers:
		return a.engine, a.err
	case <-ctx.Done():
	}
	select {
	case a := <-answers:
		return a.engine, a.err
	case <-time.After(maxStopping):
		return nil, fmt.Errorf("%w, and the catalogers did not stop", context.Cause(ctx))
	}
}

// contained contains a panic of syft outside its tasks; within them syft does.
func contained(ctx context.Context, image *source, config *syft.CreateSBOMConfig) (engine *syftsbom.SBOM, err error) {
	defer func() {
		if p := recover(); p != nil {
			engine, err = nil, fmt.Errorf("cataloger panicked: %v", p)
		}
	}()
	return syft.CreateSBOM(ctx, image, config)
}

// Error says why there is no bill of materials. It means "could not judge".
type Error struct {
	Image  string // as typed
	Digest string
	Err    error
}

func (e *Error) Error() string {
	return fmt.Sprintf("cataloging %s: %v", e.Digest, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Remedy is what to do next.
func (e *Error) Remedy() string {
	switch {
	case errors.Is(e.Err, sbom.ErrNotKept):
		return "put the file where the link to it is, and not only the link; and please report the image: no name of the file told that it would be asked for (catalog.Wants)"
	case errors.Is(e.Err, errTooManyLinks):
		return "rebuild the image without directories of symbolic links into each other"
	case e.Transient():
		return "allow more time"
	default:
		return ""
	}
}

// Transient is true where time ran out.
func (e *Error) Transient() bool { return errors.Is(e.Err, context.DeadlineExceeded) }
