package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/catalog"
)

// panicking is a tree the files of which must not be opened.
type panicking struct {
	sbom.Files

	path string
}

func (p panicking) Open(file sbom.File) (sbom.Content, error) {
	if file.Path == p.path {
		panic("opening " + p.path)
	}
	return p.Files.Open(file)
}

// TestPanicIsAnError opens the files of catalogers of all kinds: those that parse
// files in parallel, and those that do not.
func TestPanicIsAnError(t *testing.T) {
	t.Parallel()
	image := layered(t, debian(), languages(t))
	tree := newTree(t, image, catalog.Wants)
	for _, name := range []string{
		"/usr/lib/os-release", "/var/lib/dpkg/status", "/usr/share/doc/openssl/copyright", "/opt/app.jar",
		"/usr/local/bin/goprogram", "/usr/bin/openssl", "/app/node_modules/left-pad/package.json",
	} {
		_, err := cataloger(t).Catalog(t.Context(), describe(t, image), panicking{Files: tree, path: name})
		require.ErrorContains(t, err, "panic", name)
	}
}
