package vuln_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/catalog"
	"github.com/imagegate/imagegate/sbom/vuln"
)

// What is remembered of a document for matching matches as the document does: the
// same packages, less those that another one owns, and the same vulnerabilities.
func TestInventoryMatchesAsItsDocument(t *testing.T) {
	t.Parallel()
	database := open(t, smallDirectory(t))
	artifacts := []string{
		deb("libsample1", "1.2.0-2", "libsample"),
		deb("python3-owned", "1.0-1", "owned"),
		python("owned", "1.0", "/usr/lib/python3/dist-packages/owned.egg-info"), // Debian's, left out
		python("owned", "7.0", "/usr/lib/python3/dist-packages/owned.egg-info"),
		python("sample-lib", "2.1", "/opt/sample"),
		apk("sample", "2.0-r0"),
		goModule("example.com/sample/mod", "v1.3.0"),
	}
	for name, distribution := range map[string]string{"debian": debian12, "alpine": alpine320} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			about := sbom.Image{Name: "registry.example.com/app:1", Digest: "sha256:" + strings.Repeat("a", 64), Platform: "linux/amd64"}
			whole := imageDocument(t, about, distribution, artifacts...)
			data, err := catalog.Codec{}.EncodeInventory(whole)
			require.NoError(t, err)
			lean, err := catalog.Codec{}.DecodeDocument(data, about)
			require.NoError(t, err)

			want, err := vuln.Packages(whole)
			require.NoError(t, err)
			got, err := vuln.Packages(lean)
			require.NoError(t, err)
			require.Equal(t, names(want), names(got))

			expected, wantErr := database.Match(t.Context(), whole)
			found, gotErr := database.Match(t.Context(), lean)
			require.Equal(t, wantErr == nil, gotErr == nil)
			require.Equal(t, expected, found)
			if name == "debian" {
				require.NotEmpty(t, found)
			}
		})
	}
}

// imageDocument is a document of an image, as the cataloger makes them.
func imageDocument(t testing.TB, about sbom.Image, distribution string, artifacts ...string) *sbom.Document {
	t.Helper()
	text := strings.Replace(syftJSON(distribution, artifacts...),
		`"type": "directory", "metadata": {"path": "/"}`,
		`"type": "image", "metadata": {"userInput": "app", "manifestDigest": "`+about.Digest+`"}`, 1)
	document, err := catalog.Decode(strings.NewReader(text))
	require.NoError(t, err)
	return document
}
