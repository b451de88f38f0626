package catalog_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom/catalog"
)

// A remembered document is written as if it had just been made, byte for byte, and
// under the name that is asked for now.
func TestCodecLosesNothing(t *testing.T) {
	t.Parallel()
	image := layered(t, slices.Concat(debian(), languages(t), fedora(t)))
	fresh := document(t, image)
	data, err := catalog.Codec{}.EncodeDocument(fresh)
	require.NoError(t, err)
	about := describe(t, image)
	again, err := catalog.Codec{}.DecodeDocument(data, about)
	require.NoError(t, err)
	require.Equal(t, fresh.Packages, again.Packages)
	require.Equal(t, fresh.Distribution, again.Distribution)
	require.Equal(t, fresh.Gaps, again.Gaps)
	created := regexp.MustCompile(`"created":"[^"]*"`)
	for _, format := range catalog.Formats() {
		one, two := encoded(t, fresh, format), encoded(t, again, format)
		require.Equal(t, string(created.ReplaceAll(one, nil)), string(created.ReplaceAll(two, nil)), format)
	}

	about.Name = "registry.example.com/other:2"
	renamed, err := catalog.Codec{}.DecodeDocument(data, about)
	require.NoError(t, err)
	require.Contains(t, string(encoded(t, renamed, catalog.SyftJSON)), "registry.example.com/other:2")

	about.Digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	_, err = catalog.Codec{}.DecodeDocument(data, about)
	require.ErrorContains(t, err, "is about")
	_, err = catalog.Codec{}.DecodeDocument(data[:len(data)/2], describe(t, image))
	require.Error(t, err)
}

// An inventory has the packages and their relations to each other, and is small.
func TestInventory(t *testing.T) {
	t.Parallel()
	image := layered(t, slices.Concat(debian(), languages(t), fedora(t)))
	fresh := document(t, image)
	before := encoded(t, fresh, catalog.SyftJSON)
	data, err := catalog.Codec{}.EncodeInventory(fresh)
	require.NoError(t, err)
	require.Less(t, len(data), len(before))
	require.Equal(t, string(before), string(encoded(t, fresh, catalog.SyftJSON)), "the document was changed")
	again, err := catalog.Codec{}.DecodeDocument(data, describe(t, image))
	require.NoError(t, err)
	require.Equal(t, fresh.Packages, again.Packages)
	require.Equal(t, fresh.Distribution, again.Distribution)
	require.Equal(t, fresh.Gaps, again.Gaps)
	require.Equal(t, identities(catalog.Engine(fresh)), identities(catalog.Engine(again)))
	_, err = catalog.Codec{}.EncodeInventory(nil)
	require.Error(t, err)
}
