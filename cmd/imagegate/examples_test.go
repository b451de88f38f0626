package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The policies of examples/policies are held to their tables, and README shows
// what comes out.
func TestExamplePolicies(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	tables, err := filepath.Glob(filepath.Join(root, "examples", "policies", "*", "test.yaml"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(tables), 8)
	var out, complaints bytes.Buffer
	code := execute(t.Context(), append([]string{"policy", "test"}, tables...), console{out: &out, err: &complaints})
	require.Equal(t, exitAllowed, code, "%s\n%s", out.String(), complaints.String())

	readme, err := os.ReadFile(filepath.Join(root, "examples", "policies", "README.md"))
	require.NoError(t, err)
	require.Contains(t, string(readme), strings.ReplaceAll(out.String(), root+string(filepath.Separator), ""))
	for _, table := range tables {
		require.Contains(t, string(readme), "| `"+filepath.Base(filepath.Dir(table))+"/` |")
	}
}
