package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the command reference")

// eachCommand visits every command that we wrote, parents first.
func eachCommand(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" && c.Name() != "completion" {
			eachCommand(c, visit)
		}
	}
}

// TestReference holds REFERENCE.md to the commands: `go test ./cmd/imagegate -run
// Reference -update` writes it anew.
func TestReference(t *testing.T) {
	t.Setenv("IMAGEGATE_CACHE_DIR", "$HOME/.cache/imagegate") // the default depends on the user
	root := newRoot(console{in: strings.NewReader(""), out: io.Discard, err: io.Discard})
	root.DisableAutoGenTag = true
	var reference bytes.Buffer
	eachCommand(root, func(cmd *cobra.Command) {
		cmd.DisableAutoGenTag = true
		require.NoError(t, doc.GenMarkdownCustom(cmd, &reference, func(name string) string {
			return "#" + strings.ReplaceAll(strings.TrimSuffix(name, ".md"), "_", "-")
		}))
	})
	const path = "REFERENCE.md"
	if *update {
		require.NoError(t, os.WriteFile(path, reference.Bytes(), 0o644))
	}
	want, err := os.ReadFile(filepath.Clean(path))
	require.NoError(t, err)
	assert.Equal(t, string(want), reference.String(), "write it anew with -update")
}

// TestEveryVerbHasAnExample holds the help to its promise: there are examples, and
// the commands understand them.
func TestEveryVerbHasAnExample(t *testing.T) {
	t.Parallel()
	eachCommand(newRoot(console{in: strings.NewReader(""), out: io.Discard, err: io.Discard}), func(cmd *cobra.Command) {
		if !cmd.HasSubCommands() {
			assert.NotEmpty(t, cmd.Example, cmd.CommandPath())
		}
		for _, line := range shellLines(t, cmd.Example) {
			requireParses(t, line)
		}
	})
}
