package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestCIExamples holds every command line of examples/ci to the real commands:
// its verb, its flags, and the number of its arguments.
func TestCIExamples(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("..", "..", "examples", "ci")
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, file := range files {
		t.Run(file.Name(), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(folder, file.Name())
			if file.Name() == "policy.yaml" {
				_, err := (&policyFlags{policy: path}).load()
				require.NoError(t, err)
				return
			}
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			commands := shellLines(t, string(text))
			if filepath.Ext(path) == ".yaml" {
				commands = yamlCommands(t, text)
			}
			require.NotEmpty(t, commands)
			for _, command := range commands {
				requireParses(t, command)
			}
		})
	}
}

func requireParses(t *testing.T, args []string) {
	t.Helper()
	cmd, rest, err := newRoot(console{out: io.Discard, err: io.Discard}).Find(args)
	require.NoError(t, err, "%q", args)
	require.True(t, cmd.Runnable(), "%q", args)
	require.NoError(t, cmd.ParseFlags(rest), "%q", args)
	require.NoError(t, cmd.ValidateArgs(cmd.Flags().Args()), "%q", args)
}

// yamlCommands are the command lines in all strings of a document, and those that
// are lists.
func yamlCommands(t *testing.T, text []byte) [][]string {
	t.Helper()
	var document any
	require.NoError(t, yaml.Unmarshal(text, &document))
	var commands [][]string
	walk(document, func(node any) {
		switch node := node.(type) {
		case string:
			commands = append(commands, shellLines(t, node)...)
		case map[string]any:
			if command, ok := node["command"].([]any); ok && slices.Contains(command, any("imagegate")) {
				args, ok := node["args"].([]any)
				assert.True(t, ok, "command without args")
				commands = append(commands, texts(args))
			}
		}
	})
	return commands
}

func walk(node any, visit func(any)) {
	visit(node)
	switch node := node.(type) {
	case map[string]any:
		for _, child := range node {
			walk(child, visit)
		}
	case []any:
		for _, child := range node {
			walk(child, visit)
		}
	}
}

func texts(list []any) []string {
	words := make([]string, len(list))
	for i, word := range list {
		words[i], _ = word.(string)
	}
	return words
}

// shellLines are the arguments of the lines that call imagegate, as a shell reads
// them.
func shellLines(t *testing.T, script string) [][]string {
	t.Helper()
	var commands [][]string
	for line := range strings.Lines(strings.ReplaceAll(script, "\\\n", " ")) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "exec ")
		if !strings.HasPrefix(line, "imagegate ") {
			continue
		}
		shell := exec.Command("sh", "-c", `imagegate() { for word; do printf '%s\0' "$word"; done; }`+"\n"+line)
		shell.Dir = t.TempDir()
		shell.Env = append(os.Environ(), "KEY=cosign.key")
		words, err := shell.Output()
		require.NoError(t, err, line)
		commands = append(commands, strings.Split(string(bytes.TrimSuffix(words, []byte{0})), "\x00"))
	}
	return commands
}

// TestScanExamples holds every command line of examples/scan to the real commands,
// and its policy to the real decoder.
func TestScanExamples(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "examples", "scan")
	_, err := (&policyFlags{policy: filepath.Join(root, "policy", "policy.yaml")}).load()
	require.NoError(t, err)
	manifests, err := filepath.Glob(filepath.Join(root, "*", "*.yaml"))
	require.NoError(t, err)
	var commands [][]string
	for _, path := range append(manifests, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		if filepath.Ext(path) == ".md" {
			commands = append(commands, shellLines(t, string(text))...)
			continue
		}
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			commands = append(commands, yamlCommands(t, []byte(document))...)
		}
	}
	require.GreaterOrEqual(t, len(commands), 6)
	for _, command := range commands {
		requireParses(t, command)
	}
}
