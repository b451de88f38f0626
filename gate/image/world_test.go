package image_test

import (
	"errors"
	"io"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/image"
)

// images has no credentials of the machine that the test runs on.
func images(t *testing.T, options ...image.Option) *image.Images {
	t.Helper()
	i, err := image.New(append([]image.Option{image.WithKeychain(authn.NewMultiKeychain())}, options...)...)
	require.NoError(t, err)
	return i
}

func resolve(t *testing.T, reference string, options ...image.Option) gate.Subject {
	t.Helper()
	subject, err := images(t, options...).Resolve(t.Context(), reference)
	require.NoError(t, err)
	return subject
}

// only is the one platform of a subject.
func only(t *testing.T, subject gate.Subject) gate.Platform {
	t.Helper()
	platforms, err := subject.Platforms(t.Context())
	require.NoError(t, err)
	require.Len(t, platforms, 1)
	return platforms[0]
}

// paths are all paths of a platform image.
func paths(t *testing.T, platform gate.Platform) []string {
	t.Helper()
	files, err := platform.Files(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, files.Close()) }()
	var list []string
	for file := range files.All() {
		list = append(list, file.Path)
	}
	return list
}

// content of one file of a platform image.
func content(t *testing.T, platform gate.Platform, path string) string {
	t.Helper()
	files, err := platform.Files(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, files.Close()) }()
	file, ok := files.Lookup(path)
	require.True(t, ok, path)
	opened, err := files.Open(file)
	require.NoError(t, err)
	read, err := io.ReadAll(opened)
	require.NoError(t, err)
	return string(read)
}

// requireFailure checks what every failure owes its reader.
func requireFailure(t *testing.T, err error, message, remedy string, transient bool) {
	t.Helper()
	var failure *image.Error
	require.ErrorAs(t, err, &failure)
	require.ErrorContains(t, err, message)
	require.Contains(t, failure.Remedy(), remedy)
	require.Equal(t, transient, failure.Transient(), "transient: %v", err)
}

func filesError(t *testing.T, platform gate.Platform) error {
	t.Helper()
	files, err := platform.Files(t.Context())
	if err == nil {
		err = errors.Join(errors.New("files were returned"), files.Close())
	}
	return err
}

// pushed is a registry with one image under "app:v1".
func pushed(t *testing.T, options ...gatetest.RegistryOption) (*gatetest.Registry, string) {
	t.Helper()
	registry := gatetest.NewRegistry(t, options...)
	digest := registry.Push("app:v1", gatetest.SmallImage(t))
	return registry, digest.String()
}
