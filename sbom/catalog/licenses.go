package catalog

import (
	"context"

	"github.com/anchore/syft/syft/cataloging"
)

// WithoutLicenseTexts leaves the texts of licences unread: a package has the licences
// that its metadata declare, and where there is only a text, one that says nothing.
// Packages and what matches them are the same. It is for documents that nobody gets
// to see, since telling licences apart takes tables that take a second and 300 MB to
// build. Default: texts are classified as syft does.
func WithoutLicenseTexts() Option {
	return func(c *Cataloger) { c.licenseTexts = nil }
}

// Prepare begins what the first Catalog of a process would otherwise wait for. Called
// before an image is pulled, it costs no time.
func (c *Cataloger) Prepare() {
	if c.licenseTexts != nil {
		go c.licenseTexts(nil)
	}
}

// withLicenseScanner is a context in which syft classifies licences as this cataloger
// is to. The tables are those of the process, which builds them when the first text
// is there.
func (c *Cataloger) withLicenseScanner(ctx context.Context) (context.Context, error) {
	return withClassifier(ctx, cataloging.DefaultLicenseConfig().Coverage, c.licenseTexts)
}
