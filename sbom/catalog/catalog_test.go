package catalog_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/catalog"
)

func document(t testing.TB, image v1.Image) *sbom.Document {
	t.Helper()
	d, err := catalog.New().Catalog(t.Context(), describe(t, image), newTree(t, image, catalog.Wants))
	require.NoError(t, err)
	return d
}

func TestDocument(t *testing.T) {
	t.Parallel()
	image := layered(t, debian(), languages(t))
	d := document(t, image)
	require.Equal(t, sbom.Distribution{ID: "debian", VersionID: "12.5", Name: "Debian GNU/Linux 12 (bookworm)"}, d.Distribution)
	require.Empty(t, d.Gaps)
	i := slices.IndexFunc(d.Packages, func(p sbom.Package) bool { return p.Name == "openssl" })
	require.Equal(t, sbom.Package{
		Name: "openssl", Version: "3.0.11-1~deb12u2", Type: "deb",
		PURL:  "pkg:deb/debian/openssl@3.0.11-1~deb12u2?arch=amd64&distro=debian-12.5",
		Paths: []string{"/var/lib/dpkg/status", "/usr/share/doc/openssl/copyright", "/var/lib/dpkg/info/openssl.conffiles", "/var/lib/dpkg/info/openssl.md5sums"},
		Layer: describe(t, image).DiffIDs[0],
	}, d.Packages[i])
	i = slices.IndexFunc(d.Packages, func(p sbom.Package) bool { return p.Name == "left-pad" })
	require.Equal(t, describe(t, image).DiffIDs[1], d.Packages[i].Layer)
	require.True(t, slices.IsSortedFunc(d.Packages, func(a, b sbom.Package) int {
		return slices.Compare([]string{a.Type, a.Name, a.Version, a.PURL}, []string{b.Type, b.Name, b.Version, b.PURL})
	}))
}

func TestPackageInSeveralPlacesIsOne(t *testing.T) {
	t.Parallel()
	same := `{"name":"ms","version":"2.1.3"}`
	d := document(t, layered(t, []gatetest.Entry{
		entry("/a/node_modules/ms/package.json", same), entry("/b/node_modules/ms/package.json", same),
	}))
	require.Len(t, d.Packages, 1)
	require.Equal(t, []string{"/a/node_modules/ms/package.json", "/b/node_modules/ms/package.json"}, d.Packages[0].Paths)
}

func TestGaps(t *testing.T) {
	t.Parallel()
	loader := entry("/lib64/ld-linux-x86-64.so.2", elfProgram(""))
	dynamic := entry("/app", elfProgram("/lib64/ld-linux-x86-64.so.2"))
	release := entry("/etc/os-release", debianRelease)
	for name, test := range map[string]struct {
		files []gatetest.Entry
		gap   string
	}{
		"from scratch":                 {[]gatetest.Entry{entry("/app", elfProgram(""))}, ""},
		"no programs":                  {[]gatetest.Entry{entry("/data", "data")}, ""},
		"loader is not there":          {[]gatetest.Entry{dynamic}, ""},
		"dynamic, no database":         {[]gatetest.Entry{dynamic, loader}, "/app is dynamically linked (/lib64/ld-linux-x86-64.so.2)"},
		"dynamic, linked loader":       {[]gatetest.Entry{dynamic, entry("/usr/ld.so", elfProgram("")), symlink("/lib64", "usr"), symlink("/usr/ld-linux-x86-64.so.2", "ld.so")}, "/app is dynamically linked"},
		"distribution, no database":    {[]gatetest.Entry{release, dynamic, loader}, "no package database"},
		"empty database":               {[]gatetest.Entry{release, dynamic, loader, entry("/var/lib/dpkg/status", "")}, "no package database"},
		"database":                     {[]gatetest.Entry{release, dynamic, loader, entry("/var/lib/dpkg/status", dpkg("a", "1", ""))}, ""},
		"database, no distribution":    {[]gatetest.Entry{entry("/var/lib/dpkg/status", dpkg("a", "1", ""))}, "there are deb packages, but no os-release"},
		"broken RPM database":          {[]gatetest.Entry{release, entry("/var/lib/rpm/rpmdb.sqlite", "SQLite format 3\x00 but no more")}, "could not understand /var/lib/rpm/rpmdb.sqlite"},
		"broken old RPM database":      {[]gatetest.Entry{release, entry("/var/lib/rpm/Packages", strings.Repeat("x", 600))}, "could not understand /var/lib/rpm/Packages"},
		"broken apk database":          {[]gatetest.Entry{release, entry("/lib/apk/db/installed", "P:musl\nV:1\nF:lib\nM:not:numbers\nno field here\n\n")}, "could not understand /lib/apk/db/installed"},
		"broken jar":                   {[]gatetest.Entry{entry("/app.jar", "PK\x03\x04 and then nothing")}, "could not understand /app.jar"},
		"no list of a package's files": {[]gatetest.Entry{release, entry("/var/lib/pacman/local/x-1.0-1/desc", "%NAME%\nx\n\n%VERSION%\n1.0-1\n\n"), entry("/var/lib/pacman/local/x-1.0-1/files", "%FILES%\nusr/\n\n")}, ""},
		"jar without a package":        {[]gatetest.Entry{entry("/app.zip", zipFile(t, "readme", "hello"))}, ""},
		"broken manifest of a module":  {[]gatetest.Entry{entry("/node_modules/x/package.json", `{"name":`)}, "could not understand /node_modules/x/package.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := document(t, layered(t, test.files))
			if test.gap == "" {
				require.Empty(t, d.Gaps)
				return
			}
			require.NotEmpty(t, d.Gaps)
			require.Contains(t, strings.Join(d.Gaps, "\n"), test.gap)
		})
	}
}

// TestMarkerInAGoProgramIsNoGap: this engine looks for the marker of a .NET bundle, so
// that whatever links it holds the marker, too. In any other program it is a gap.
func TestMarkerInAGoProgramIsNoGap(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte(".net core bundle\n"))
	marker := strings.Repeat("\x7f", 8) + string(sum[:]) // after an offset that lies nowhere
	written := goProgram(t) + marker
	require.Empty(t, document(t, layered(t, []gatetest.Entry{entry("/app", written)})).Gaps)
	other := strings.ReplaceAll(written, "Go buildinf:", "no buildinf:")
	gaps := document(t, layered(t, []gatetest.Entry{entry("/app", other)})).Gaps
	require.Contains(t, strings.Join(gaps, "\n"), "bundle header offset")
}

func TestWindowsIsAGap(t *testing.T) {
	t.Parallel()
	image := layered(t, []gatetest.Entry{entry("/Files/Windows/System32/kernel32.dll", "MZ")})
	described := describe(t, image)
	described.Platform = "windows/amd64"
	d, err := catalog.New().Catalog(t.Context(), described, newTree(t, image, catalog.Wants))
	require.NoError(t, err)
	require.Contains(t, strings.Join(d.Gaps, "\n"), "Windows")
}

// TestMissingContentIsNoMissingPackage: whatever catalogers make of content that they
// do not get, there is an error and no document.
func TestMissingContentIsNoMissingPackage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files []gatetest.Entry
		lost  string
	}{
		"package database":          {debian(), "/var/lib/dpkg/status"},
		"os-release":                {debian(), "/usr/lib/os-release"},
		"what a database refers to": {debian(), "/var/lib/dpkg/info/openssl.md5sums"},
		"licence":                   {debian(), "/usr/share/doc/openssl/copyright"},
		"archive":                   {languages(t), "/opt/app.jar"},
		"manifest":                  {languages(t), "/app/node_modules/left-pad/package.json"},
		"wheel":                     {languages(t), "/usr/lib/python3/dist-packages/requests-2.31.0.dist-info/RECORD"},
		"RPM":                       {fedora(t), "/usr/lib/sysimage/rpm/rpmdb.sqlite"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			image := layered(t, test.files)
			_, err := catalog.New().Catalog(t.Context(), describe(t, image), newTree(t, image,
				func(name string, _ []byte, _ int64) bool { return name != test.lost }))
			require.ErrorIs(t, err, sbom.ErrNotKept)
			require.ErrorContains(t, err, test.lost)
			var failed *catalog.Error
			require.ErrorAs(t, err, &failed)
			require.Contains(t, failed.Remedy(), "catalog.Wants")
			require.False(t, failed.Transient())
		})
	}
}

// TestWantedNameOfAnUnwantedFile is the one way in which Wants is too narrow, and a
// rule that knows the links is not.
func TestWantedNameOfAnUnwantedFile(t *testing.T) {
	t.Parallel()
	image := layered(t, links())
	files := newTree(t, image, catalog.Wants)
	_, err := catalog.New().Catalog(t.Context(), describe(t, image), files)
	require.ErrorIs(t, err, sbom.ErrNotKept)
	again, err := catalog.New().Catalog(t.Context(), describe(t, image), newTree(t, image, files.Linked(catalog.Wants)))
	require.NoError(t, err)
	all, err := catalog.New().Catalog(t.Context(), describe(t, image), newTree(t, image, func(string, []byte, int64) bool { return true }))
	require.NoError(t, err)
	require.Equal(t, all.Packages, again.Packages)
}

// failing is a tree one file of which cannot be read back, or opened.
type failing struct {
	sbom.Files

	path             string
	opening, reading error
}

func (f failing) Open(file sbom.File) (sbom.Content, error) {
	content, err := f.Files.Open(file)
	if err != nil || file.Path != f.path {
		return content, err
	}
	if f.opening != nil {
		return nil, f.opening
	}
	return failingContent{Content: content, err: f.reading}, nil
}

type failingContent struct {
	sbom.Content

	err error
}

func (c failingContent) Read([]byte) (int, error)          { return 0, c.err }
func (c failingContent) ReadAt([]byte, int64) (int, error) { return 0, c.err }

func TestUnreadableContent(t *testing.T) {
	t.Parallel()
	image := layered(t, debian(), languages(t))
	tree := newTree(t, image, catalog.Wants)
	for _, name := range []string{"/var/lib/dpkg/status", "/opt/app.jar", "/usr/local/bin/goprogram", "/usr/bin/openssl"} {
		for _, broken := range []failing{
			{Files: tree, path: name, opening: fs.ErrClosed},
			{Files: tree, path: name, reading: errors.New("the disk is gone")},
		} {
			_, err := catalog.New().Catalog(t.Context(), describe(t, image), broken)
			require.ErrorIs(t, err, errors.Join(broken.opening, broken.reading).(interface{ Unwrap() []error }).Unwrap()[0], name)
			require.ErrorContains(t, err, name)
		}
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	image := layered(t, debian())
	tree := newTree(t, image, catalog.Wants)
	cancel()
	_, err := catalog.New().Catalog(ctx, describe(t, image), tree)
	require.ErrorIs(t, err, context.Canceled)
}

func TestLinksIntoLinksEnd(t *testing.T) {
	t.Parallel()
	var entries []gatetest.Entry
	for i := range 40 {
		name := string(rune('a'+i/26)) + string(rune('a'+i%26))
		entries = append(entries, entry("/data/"+name+"/status", "x"), symlink("/links/"+name, "../data"))
	}
	tree := newTree(t, layered(t, entries), everything)
	resolver, err := catalog.ResolverWithSteps(t.Context(), tree, 500)
	require.NoError(t, err)
	_, err = resolver.FilesByGlob("**/lib/dpkg/status")
	require.ErrorIs(t, err, catalog.ErrTooManyLinks)
}

func TestInterpreter(t *testing.T) {
	t.Parallel()
	require.Equal(t, "/lib/ld.so", catalog.Interpreter(strings.NewReader(elfProgram("/lib/ld.so"))))
	require.Empty(t, catalog.Interpreter(strings.NewReader(elfProgram(""))))
	require.Empty(t, catalog.Interpreter(strings.NewReader("#!/bin/sh\n")))
	require.NotEmpty(t, catalog.Interpreter(strings.NewReader(elfProgram("/x")+strings.Repeat("\x00", 100))))
}

// TestNamesThatAreNoPatterns: catalogers put names of packages and directories into
// patterns.
func TestNamesThatAreNoPatterns(t *testing.T) {
	t.Parallel()
	d := document(t, layered(t, []gatetest.Entry{
		entry("/etc/os-release", debianRelease),
		entry("/var/lib/dpkg/status", dpkg("a[b", "1.0", "")+dpkg("c{d", "1.0", "")+dpkg(`e\`, "1.0", "")),
		entry("/app/[slug/node_modules/x/package.json", `{"name":"x","version":"1.0.0"}`),
		entry("/app/{y/node_modules/y/package.json", `{"name":"y","version":"1.0.0"}`),
	}))
	require.Len(t, d.Packages, 5)
}
