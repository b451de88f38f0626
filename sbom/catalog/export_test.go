package catalog

import (
	"context"

	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/file"

	"github.com/imagegate/imagegate/sbom"
)

// Resolver is what the catalogers see of files.
func Resolver(ctx context.Context, files sbom.Files) (file.Resolver, error) {
	return newResolver(ctx, files)
}

// Configuration is what the catalogers run with.
func Configuration(c *Cataloger) *syft.CreateSBOMConfig { return c.configuration() }

// WithLicenseScanner is the context they run in.
func WithLicenseScanner(ctx context.Context) (context.Context, error) { return withLicenseScanner(ctx) }
