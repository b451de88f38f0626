package catalog_test

import (
	"bytes"
	"go/ast"
	"go/build"
	"go/parser"
	"go/printer"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anchore/syft/syft/pkg"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/catalog"
)

// TestScannerIsAsSyftDeclaresIt: the linker does not compare types, so what is
// reached by name has to be declared as it was when scanner.go was written.
func TestScannerIsAsSyftDeclaresIt(t *testing.T) {
	t.Parallel()
	found := declarations(t, "github.com/anchore/syft/internal/licenses")
	require.Equal(t, "func NewScanner(c *ScannerConfig) (Scanner, error)", found["NewScanner"])
	require.Equal(t, "func SetContextLicenseScanner(ctx context.Context, s Scanner) context.Context", found["SetContextLicenseScanner"])
	require.Equal(t, "ScannerConfig struct { CoverageThreshold float64 Scanner func([]byte) licensecheck.Coverage }", found["ScannerConfig"])
	require.True(t, strings.HasPrefix(found["Scanner"], "Scanner interface { FindEvidence("), found["Scanner"])
}

// declarations of a package's functions, without their bodies, and types, in one line
// each.
func declarations(t *testing.T, path string) map[string]string {
	t.Helper()
	dir, err := build.Import(path, ".", build.FindOnly)
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(dir.Dir, "*.go"))
	require.NoError(t, err)
	found := map[string]string{}
	for _, name := range files {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		show := func(node any) string {
			var b bytes.Buffer
			require.NoError(t, printer.Fprint(&b, set, node))
			return strings.Join(strings.Fields(b.String()), " ")
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					d.Doc, d.Body = nil, nil
					found[d.Name.Name] = show(d)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok {
						found[s.Name.Name] = show(s)
					}
				}
			}
		}
	}
	return found
}

const mitText = `Permission is hereby granted, free of charge, to any person obtaining a copy of
this software and associated documentation files (the "Software"), to deal in the
Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software,
and to permit persons to whom the Software is furnished to do so, subject to the
following conditions:

The above copyright notice and this permission notice shall be included in all copies
or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED,
INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A
PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT
HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE
OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

// licensesOf the only package of a document.
func licensesOf(t *testing.T, d *sbom.Document) []string {
	t.Helper()
	var values []string
	for p := range catalog.Engine(d).Artifacts.Packages.Enumerate(pkg.NpmPkg) {
		for _, l := range p.Licenses.ToSlice() {
			values = append(values, l.Value+l.SPDXExpression)
		}
	}
	return values
}

// TestLicenseTexts: with or without what their texts say, the packages are the same.
func TestLicenseTexts(t *testing.T) {
	t.Parallel()
	text := []gatetest.Entry{entry("/app/node_modules/ms/package.json", `{"name":"ms","version":"2.1.3"}`), entry("/app/node_modules/ms/LICENSE", mitText)}
	stated := []gatetest.Entry{entry("/app/node_modules/ms/package.json", `{"name":"ms","version":"2.1.3","license":"MIT"}`)}
	without := catalog.New(catalog.WithoutLicenseTexts())
	without.Prepare()
	for name, test := range map[string]struct {
		files         []gatetest.Entry
		read, notRead string
	}{
		"text":   {text, "MITMIT", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}, // of nothing
		"stated": {stated, "MITMIT", "MITMIT"},
	} {
		image := layered(t, test.files)
		with := document(t, image)
		require.Equal(t, []string{test.read}, licensesOf(t, with), name)
		d, err := without.Catalog(t.Context(), describe(t, image), newTree(t, image, catalog.Wants))
		require.NoError(t, err)
		require.Equal(t, []string{test.notRead}, licensesOf(t, d), name)
		require.Equal(t, with.Packages, d.Packages, name)
	}
}
