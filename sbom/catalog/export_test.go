package catalog

import (
	"context"

	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/file"
	syftsource "github.com/anchore/syft/syft/source"

	"github.com/imagegate/imagegate/sbom"
)

// Resolver is what the catalogers see of files.
func Resolver(ctx context.Context, files sbom.Files) (file.Resolver, error) {
	return newResolver(ctx, files)
}

// ResolverWithSteps is one that follows fewer links.
func ResolverWithSteps(ctx context.Context, files sbom.Files, steps int64) (file.Resolver, error) {
	r, err := newResolver(ctx, files)
	if err == nil {
		r.maxSteps = steps
	}
	return r, err
}

// ErrTooManyLinks is what it ends with.
var ErrTooManyLinks = errTooManyLinks

// Source introduces an image that has this resolver to syft.
func Source(image sbom.Image, resolver file.Resolver) syftsource.Source {
	return resolved{source: &source{image: image}, resolver: resolver}
}

type resolved struct {
	*source

	resolver file.Resolver
}

func (r resolved) FileResolver(syftsource.Scope) (file.Resolver, error) { return r.resolver, nil }

// Configuration is what the catalogers run with.
func Configuration() *syft.CreateSBOMConfig { return configuration() }

// Interpreter reads the dynamic loader of an ELF program.
var Interpreter = interpreter
