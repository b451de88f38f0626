package catalog_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/file"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/sbom/catalog"
)

// recorder writes down what the catalogers ask for.
type recorder struct {
	file.Resolver

	mu    sync.Mutex
	asked map[string]bool
}

func (r *recorder) record(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range names {
		r.asked[name] = true
	}
}

func (r *recorder) FilesByGlob(patterns ...string) ([]file.Location, error) {
	r.record(patterns)
	return r.Resolver.FilesByGlob(patterns...)
}

func (r *recorder) FilesByPath(names ...string) ([]file.Location, error) {
	r.record(names)
	return r.Resolver.FilesByPath(names...)
}

// TestWantsWhatCatalogersLookFor fails when a new version of syft looks for files that
// would not be kept.
func TestWantsWhatCatalogersLookFor(t *testing.T) {
	t.Parallel()
	image := layered(t, []gatetest.Entry{entry("/empty", "")})
	resolver, err := catalog.Resolver(t.Context(), newTree(t, image, catalog.Wants))
	require.NoError(t, err)
	r := &recorder{Resolver: resolver, asked: map[string]bool{}}
	_, err = syft.CreateSBOM(withScanner(t), catalog.Source(describe(t, image), r), catalog.Configuration())
	require.NoError(t, err)
	require.Greater(t, len(r.asked), 100)
	for pattern := range r.asked {
		for _, example := range examples(pattern) {
			assert.True(t, catalog.Wants(example, nil, 1), "%s, as %s", pattern, example)
		}
	}
}

// examples are paths that match a pattern.
func examples(pattern string) []string {
	if before, rest, ok := strings.Cut(pattern, "{"); ok {
		list, after, _ := strings.Cut(rest, "}")
		var all []string
		for choice := range strings.SplitSeq(list, ",") {
			all = append(all, examples(before+choice+after)...)
		}
		return all
	}
	name := strings.NewReplacer("**", "some/where", "*", "thing", "?", "x").Replace(pattern)
	return []string{"/" + strings.TrimPrefix(name, "/")}
}

func TestWants(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		path string
		head string
		want bool
	}{
		"program by content":    {"/opt/thing", "\x7fELF\x02\x01\x01", true},
		"Windows program":       {"/opt/thing", "MZ\x90\x00", true},
		"universal Mach-O":      {"/opt/thing", "\xca\xfe\xba\xbe\x00\x00\x00\x02", true},
		"Java class":            {"/opt/Thing.class", "\xca\xfe\xba\xbe\x00\x00\x00\x41", false},
		"md5sums of a package":  {"/var/lib/dpkg/info/libc6:amd64.md5sums", "", true},
		"licence in a wheel":    {"/usr/lib/python3/x-1.dist-info/licenses/AUTHORS", "", true},
		"licence in any case":   {"/app/node_modules/x/licence.MD", "", true},
		"model card":            {"/models/llama/README.md", "", true},
		"readme of a package":   {"/app/node_modules/x/README.md", "", false},
		"data":                  {"/var/lib/app/data.bin", "\x00\x01\x02", false},
		"Python source":         {"/usr/lib/python3/ast.py", "import", false},
		"beside a program":      {"/usr/lib/firefox/application.ini", "[App]", true},
		"upper-case extension":  {"/app/THING.DLL", "", true},
		"plugin of WordPress":   {"/var/www/wp-content/plugins/x/x.php", "<?php", true},
		"other PHP":             {"/var/www/index.php", "<?php", false},
		"compressed module":     {"/lib/modules/6.1.0/kernel/x.ko.xz", "", true},
		"compressed other file": {"/usr/share/man/x.1.gz", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, catalog.Wants(test.path, []byte(test.head), 100))
		})
	}
}

// TestResolverDescribesFilesAsSyftDoes compares metadata and the search by type.
func TestResolverDescribesFilesAsSyftDoes(t *testing.T) {
	t.Parallel()
	image := layered(t, slices.Concat(debian(), languages(t), links()))
	theirs, err := asSyft(t, image).FileResolver("squashed")
	require.NoError(t, err)
	ours, err := catalog.Resolver(t.Context(), newTree(t, image, everything))
	require.NoError(t, err)
	all := map[string]bool{}
	for location := range theirs.AllLocations(t.Context()) {
		all[location.RealPath] = true
		want, err := theirs.FileMetadataByLocation(location)
		require.NoError(t, err)
		got, err := ours.FileMetadataByLocation(location)
		require.NoError(t, err)
		require.Equal(t, want.Type, got.Type, location.RealPath)
		require.Equal(t, want.Path, got.Path)
		require.Equal(t, want.MIMEType, got.MIMEType, location.RealPath)
		require.Equal(t, want.Mode(), got.Mode(), location.RealPath)
		require.Equal(t, want.LinkDestination, got.LinkDestination, location.RealPath)
		require.Equal(t, want.Name(), got.Name())
		if want.Type.String() == "RegularFile" {
			require.Equal(t, want.Size(), got.Size(), location.RealPath)
		}
	}
	for location := range ours.AllLocations(t.Context()) {
		require.True(t, all[location.RealPath], location.RealPath)
		delete(all, location.RealPath)
	}
	require.Empty(t, all)
	types := []string{"application/x-executable", "application/x-elf", "application/x-sharedlib", "application/x-mach-binary"}
	want, err := theirs.FilesByMIMEType(types...)
	require.NoError(t, err)
	got, err := ours.FilesByMIMEType(types...)
	require.NoError(t, err)
	require.Equal(t, described(want), described(got))
	require.NotEmpty(t, got)
}
