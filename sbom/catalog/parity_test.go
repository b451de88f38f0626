package catalog_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/cataloging"
	syftsource "github.com/anchore/syft/syft/source"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/stretchr/testify/require"

	"github.com/anchore/syft/syft/pkg"
	syftsbom "github.com/anchore/syft/syft/sbom"

	"github.com/imagegate/imagegate/gate/filetree"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/catalog"
)

func describe(t testing.TB, image v1.Image) sbom.Image {
	t.Helper()
	digest, err := image.Digest()
	require.NoError(t, err)
	config, err := image.ConfigFile()
	require.NoError(t, err)
	described := sbom.Image{Name: "registry.example.com/app:1.0", Digest: digest.String(), Platform: "linux/amd64"}
	for _, diffID := range config.RootFS.DiffIDs {
		described.DiffIDs = append(described.DiffIDs, diffID.String())
	}
	return described
}

// asSyft is syft's own view of an image: stereoscope reads it from a layout on disk.
func asSyft(t testing.TB, image v1.Image) syftsource.Source {
	t.Helper()
	dir := t.TempDir()
	_, err := layout.Write(dir, empty.Index)
	require.NoError(t, err)
	require.NoError(t, layout.Path(dir).AppendImage(image))
	source, err := syft.GetSource(t.Context(), dir, syft.DefaultGetSourceConfig().WithSources("oci-dir"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = source.Close() })
	return source
}

// licenseScanner is syft's own, which takes a second to build.
var licenseScanner = sync.OnceValues(func() (context.Context, error) {
	return syft.SetContextLicenseScanner(context.Background(), cataloging.DefaultLicenseConfig())
})

func withScanner(t testing.TB) context.Context {
	t.Helper()
	ctx, err := licenseScanner()
	require.NoError(t, err)
	return ctx
}

// identities are the packages by syft's id, which is a hash of all of them: name,
// version, licences, metadata, real paths and layers.
func identities(engine *syftsbom.SBOM) []string {
	var ids []string
	for p := range engine.Artifacts.Packages.Enumerate() {
		ids = append(ids, string(p.Type)+" "+p.Name+" "+p.Version+" "+p.PURL+" "+string(p.ID())+paths(p))
	}
	slices.Sort(ids)
	return ids
}

func paths(p pkg.Package) string {
	var all string
	for _, location := range p.Locations.ToSlice() {
		all += " " + location.AccessPath + "=" + location.RealPath
	}
	return all
}

// TestPackagesEqualSyfts runs the same catalogers over the same image twice: as this
// package reads it and as syft does.
func TestPackagesEqualSyfts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		image v1.Image
		least int // packages, so that two empty lists are no parity
		keep  filetree.Keep
	}{
		"debian":      {layered(t, debian()), 3, catalog.Wants},
		"distroless":  {layered(t, distroless()), 2, catalog.Wants},
		"alpine":      {layered(t, alpine()), 2, catalog.Wants},
		"fedora":      {layered(t, fedora(t)), 1, catalog.Wants},
		"languages":   {layered(t, languages(t)), 8, catalog.Wants},
		"links":       {layered(t, links()), 5, everything},
		"whiteouts":   {layered(t, slices.Concat(debian(), languages(t)), []gatetest.Entry{whiteout("/app/node_modules/left-pad"), whiteout("/opt/app.jar"), entry("/app/node_modules/@scope/.wh..wh..opq", "")}), 5, catalog.Wants},
		"upgraded":    {layered(t, debian(), []gatetest.Entry{entry("/var/lib/dpkg/status", dpkg("openssl", "3.0.13-1~deb12u1", ""))}), 1, catalog.Wants},
		"everything":  {layered(t, debian(), alpine(), languages(t), links()), 12, everything},
		"nothing":     {layered(t, []gatetest.Entry{entry("/empty", "")}), 0, catalog.Wants},
		"linked root": {layered(t, []gatetest.Entry{symlink("/rootfs/usr", "/usr"), symlink("/usr/lib", "/data")}, []gatetest.Entry{entry("/data/dpkg/status", dpkg("deep", "1.0", ""))}), 1, catalog.Wants},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := catalog.New()
			want, err := syft.CreateSBOM(withScanner(t), asSyft(t, test.image), catalog.Configuration())
			require.NoError(t, err)
			document, err := c.Catalog(t.Context(), describe(t, test.image), newTree(t, test.image, test.keep))
			require.NoError(t, err)
			got := catalog.Engine(document)
			require.Equal(t, identities(want), identities(got))
			require.GreaterOrEqual(t, got.Artifacts.Packages.PackageCount(), test.least)
			require.Equal(t, want.Artifacts.LinuxDistribution, got.Artifacts.LinuxDistribution)
			require.Equal(t, want.Artifacts.Unknowns, got.Artifacts.Unknowns)
		})
	}
}
