package catalog_test

import (
	"context"
	"os"
	"sync/atomic"
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
		_, err := catalog.New().Catalog(t.Context(), describe(t, image), panicking{Files: tree, path: name})
		require.ErrorContains(t, err, "panic", name)
	}
}

// interrupted is a tree that ends its context when the nth file is opened, and
// notes what is asked for after the answer.
type interrupted struct {
	sbom.Files

	cancel   context.CancelFunc
	left     atomic.Int32
	answered atomic.Bool
	late     atomic.Int32
}

func (i *interrupted) Open(file sbom.File) (sbom.Content, error) {
	if i.left.Add(-1) == 0 {
		i.cancel()
	}
	if i.answered.Load() {
		i.late.Add(1)
	}
	return i.Files.Open(file)
}

// Nothing goes on behind the back of whoever closes the files.
func TestNothingRunsOnWhenTimeIsUp(t *testing.T) {
	image := layered(t, debian(), languages(t))
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	for n := int32(1); n < 30; n += 4 {
		ctx, cancel := context.WithCancel(t.Context())
		files := &interrupted{Files: newTree(t, image, catalog.Wants), cancel: cancel}
		files.left.Store(n)
		_, err := catalog.New().Catalog(ctx, describe(t, image), files)
		files.answered.Store(true)
		require.ErrorIs(t, err, context.Canceled, n)
		left, err := os.ReadDir(temp)
		require.NoError(t, err)
		require.Empty(t, left, n)
		require.Zero(t, files.late.Load())
		cancel()
	}
}
