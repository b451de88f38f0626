package catalog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/anchore/stereoscope"
)

// TestMain gives the tests a temporary directory of their own and finds in it, at the
// end, what cataloging has left behind.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "catalog-test-")
	if err != nil {
		panic(err)
	}
	if err := os.Setenv("TMPDIR", dir); err != nil {
		panic(err)
	}
	code := m.Run()
	stereoscope.Cleanup() //nolint:staticcheck // syft's own reading, which the tests compare with
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); code == 0 && len(left) > 0 {
		fmt.Println("left behind:", left)
		code = 1
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}
