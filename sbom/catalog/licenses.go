package catalog

import (
	"context"
	"fmt"
	"sync"

	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/cataloging"
)

// licenseScanner is syft's scanner of licence texts, in the only place where syft
// looks for it: a context. Building it takes most of a second, so a process builds
// one, and all images share it.
var licenseScanner = sync.OnceValues(func() (context.Context, error) {
	ctx, err := syft.SetContextLicenseScanner(context.Background(), cataloging.DefaultLicenseConfig())
	if err != nil {
		return nil, fmt.Errorf("building the licence scanner: %w", err)
	}
	return ctx, nil
})

// Prepare begins what the first Catalog of a process would otherwise wait for. Called
// before an image is pulled, it costs no time.
func Prepare() {
	go func() { _, _ = licenseScanner() }()
}

func withLicenseScanner(ctx context.Context) (context.Context, error) {
	scanner, err := licenseScanner()
	if err != nil {
		return nil, err
	}
	return shared{Context: ctx, values: scanner}, nil
}

// shared is a context that also has the values of another one.
type shared struct {
	context.Context

	values context.Context
}

func (s shared) Value(key any) any {
	if value := s.Context.Value(key); value != nil {
		return value
	}
	return s.values.Value(key)
}
