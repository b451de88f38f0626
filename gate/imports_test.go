package gate_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/imagegate/imagegate"

// direction says what each package may import of this module. It holds so that
// `go test ./policy ./gate ./sbom` compiles without an engine, that verdicts are
// made in one pure place, and that exchanging an engine touches one package.
var direction = map[string][]string{
	"sbom":              {},
	"policy":            {"policy/expression", "policy/vex", "sbom"},
	"policy/vex":        {},
	"policy/expression": {},
	"gate":              {"policy", "sbom"},
	"gate/filetree":     {"sbom", "sbom/dense"},
	"gate/image":        {"gate", "gate/filetree", "policy", "sbom"},
	"gate/inspect":      {"policy", "sbom"},
	"gate/signature":    {"gate", "policy"},
	"gate/report":       {"gate", "policy", "sbom"},
	"gate/scan":         {"gate", "gate/jetstream", "gate/scan/estate", "gate/scan/pace", "policy"},
	"gate/scan/estate":  {"gate", "gate/report", "policy", "sbom"},
	"gate/scan/blobs":   {},
	"gate/scan/pace":    {},
	"gate/jetstream":    {"gate/store"},
	"gate/scan/target":  {},
	"gate/store":        {},
	"gate/breakglass":   {},
	"gate/admission":    {"gate", "gate/breakglass", "policy", "sbom"},
	"sbom/catalog":      {"sbom", "sbom/dense"},
	"sbom/dense":        {},
	"sbom/vuln":         {"sbom", "sbom/catalog"},

	"gate/admission/setup":    {},
	"cmd/imagegate/collector": {},
}

// homes are the one importer of each engine.
var homes = map[string]string{
	"github.com/sigstore/cosign/": "gate/signature",
	"github.com/anchore/syft/":    "sbom/catalog",
	"github.com/anchore/grype/":   "sbom/vuln",
	"github.com/google/cel-go/":   "policy/expression",
}

func TestImportDirection(t *testing.T) {
	t.Parallel()
	for pkg, imports := range goList(t, "-f", "{{.ImportPath}} {{join .Imports \" \"}}", module+"/...") {
		pkg = strings.TrimPrefix(pkg, module+"/")
		for _, imported := range imports {
			if of, ours := strings.CutPrefix(imported, module+"/"); ours {
				if allowed, ok := direction[pkg]; ok {
					assert.Contains(t, allowed, of, "%s must not import %s", pkg, of)
				}
				assert.False(t, strings.HasPrefix(of, "cmd/") && !strings.HasPrefix(pkg, "cmd/"), "%s imports a command", pkg)
			}
			for engine, home := range homes {
				if strings.HasPrefix(imported+"/", engine) {
					assert.Equal(t, home, pkg, "%s is imported by %s", imported, pkg)
				}
			}
		}
	}
}

// TestCoreCompilesWithoutEngines holds the inner loop at seconds.
func TestCoreCompilesWithoutEngines(t *testing.T) {
	t.Parallel()
	for _, core := range []string{"policy", "gate", "sbom"} {
		for dependency := range goList(t, "-deps", "-f", "{{.ImportPath}}", module+"/"+core) {
			for engine := range homes {
				if engine == "github.com/google/cel-go/" {
					continue // compiles in seconds, and conditions are part of the policy
				}
				assert.False(t, strings.HasPrefix(dependency+"/", engine), "%s needs %s", core, dependency)
			}
		}
	}
}

// TestTopLevel holds the listing that a newcomer sees.
func TestTopLevel(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("..")
	require.NoError(t, err)
	allowed := []string{"cmd", "gate", "sbom", "policy", "examples", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE", "bin", "out"}
	for _, e := range entries {
		assert.True(t, strings.HasPrefix(e.Name(), ".") || slices.Contains(allowed, e.Name()), "%s at the top level", e.Name())
	}
}

// goList runs go list and returns the words of each line by its first.
func goList(t *testing.T, args ...string) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	require.NoError(t, err, "go list %v", args)
	words := map[string][]string{}
	for l := range strings.Lines(string(out)) {
		fields := strings.Fields(l)
		words[fields[0]] = fields[1:]
	}
	return words
}
