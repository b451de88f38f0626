package catalog_test

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/sbom/catalog"
)

// FuzzSearch makes an image and a pattern of any names, as catalogers do.
func FuzzSearch(f *testing.F) {
	f.Add("/usr/lib/dpkg/status", "/lib", "usr/lib", "**/lib/dpkg/status")
	f.Add("/a/[slug/package.json", "/b", "../a", "/b/[slug/*")
	f.Add("/a", "/a/b", "/a/b", "**/{a,b")
	f.Fuzz(func(t *testing.T, file, link, target, pattern string) {
		if !usable(file) || !usable(link) || target == "" || strings.ContainsRune(target, 0) || len(target) > 200 ||
			strings.HasPrefix(link+"/", file+"/") || strings.HasPrefix(file+"/", link+"/") {
			t.Skip()
		}
		tree := newTree(t, layered(t, []gatetest.Entry{entry(file, "content"), symlink(link, target)}), everything)
		resolver, err := catalog.Resolver(t.Context(), tree)
		require.NoError(t, err)
		locations, err := resolver.FilesByGlob(pattern)
		if err == nil {
			for _, location := range locations {
				require.Equal(t, file, location.RealPath)
			}
		}
		_, err = resolver.FilesByPath(pattern)
		require.NoError(t, err)
	})
}

func usable(name string) bool {
	return len(name) > 1 && len(name) < 200 && path.IsAbs(name) && path.Clean(name) == name &&
		!strings.ContainsRune(name, 0) && !strings.HasPrefix(path.Base(name), ".wh.")
}
