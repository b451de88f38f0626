package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

var badInputTable = flag.String("badinput-table", "", "write what became of every bad input to this file")

// badInput is one way to be hostile or broken, and what the command has to answer.
type badInput struct {
	name    string
	arrange func(*scene)
	verdict policy.Decision // or misused
	says    string          // part of the reasons for the verdict
	heap    uint64          // most bytes of heap meanwhile; 0 is mostHeap
}

// misused is the outcome of a command that cannot be carried out as typed.
const misused policy.Decision = "usage"

// mostHeap is far more than a small image needs, and far less than what these
// inputs would take from a reader without bounds.
const mostHeap = 256 << 20

// mostTime is when a case counts as a hang.
const mostTime = 10 * time.Minute

// TestBadInput holds for each input of the table that the command ends with the
// right exit code and a message that says what is wrong; that it does not read
// files of this machine, leaves nothing behind, and does not take memory without
// bound. The cases run one after the other, since memory is the process's.
func TestBadInput(t *testing.T) {
	cache := builtDatabase(t)
	keys, err := newWorld(t)
	require.NoError(t, err)
	rows := []row{}
	for _, group := range []struct {
		name  string
		cases []badInput
	}{
		{"signatures", badSignatures()},
		{"manifests", badManifests()},
		{"layers", badLayers()},
		{"files", badFiles()},
		{"images", badImages()},
		{"registries", badRegistries()},
		{"archives", badArchives()},
		{"databases", badDatabases()},
		{"policies", badPolicies()},
		{"machines", append(badMachines(), badMounts()...)},
	} {
		for _, c := range group.cases {
			t.Run(group.name+"/"+c.name, func(t *testing.T) {
				rows = append(rows, c.judge(t, newScene(t, keys, cache)))
			})
		}
	}
	if *badInputTable != "" {
		writeTable(t, *badInputTable, rows)
	}
}

// judge runs one case and holds it against what must be true of all of them.
func (c badInput) judge(t *testing.T, s *scene) row {
	c.arrange(s)
	canary := s.canary()
	database := filepath.Join(s.cache, "db")
	before := listing(t, database)

	watch := watchHeap()
	start := time.Now()
	got := s.run()
	took, peak := time.Since(start), watch.stop()

	shown := fmt.Sprintf("exit %d\n%s\n%s", got.code, got.out, got.err)
	require.Equal(t, c.verdict, got.decision(), shown)
	require.Contains(t, got.reasons(), c.says, shown)
	require.NotEmpty(t, got.reasons(), shown)
	require.NotContains(t, shown, "goroutine ", "a panic got out")
	require.NotContains(t, shown, canary, "a file of this machine was read")
	require.False(t, strings.ContainsFunc(shown, isHostile), "%q", shown)
	require.Less(t, took, mostTime)
	require.LessOrEqual(t, peak, max(c.heap, mostHeap), "bytes of heap")
	require.Empty(t, listing(t, s.temp), "left behind")
	require.Equal(t, before, listing(t, database), "the database was changed")
	require.Empty(t, deletedButOpen(t), "still open")
	return row{t.Name(), string(got.decision()), got.reasons(), took, peak}
}

// isHostile finds what could move a terminal's cursor.
func isHostile(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// outcome is how one run of the command ended.
type outcome struct {
	code     int
	out, err string
}

func (o outcome) decision() policy.Decision {
	switch o.code {
	case exitAllowed:
		return policy.Allow
	case exitDenied:
		return policy.Deny
	case exitUsage:
		return misused
	}
	return policy.NotDecidable
}

// reasons are the messages of the findings that made the verdict, and what was said
// instead of one.
func (o outcome) reasons() string {
	var report struct {
		Results []struct{ Findings []policy.Finding }
	}
	if json.Unmarshal([]byte(o.out), &report) != nil || len(report.Results) == 0 {
		return strings.TrimSpace(o.err + o.out)
	}
	deciding := map[policy.Decision]policy.Outcome{policy.Allow: policy.Pass, policy.Deny: policy.Fail, policy.NotDecidable: policy.Undecided}
	var reasons []string
	for _, f := range report.Results[0].Findings {
		if f.Outcome == deciding[o.decision()] {
			reasons = append(reasons, f.Rule+": "+f.Message)
		}
	}
	if o.err != "" {
		reasons = append(reasons, strings.TrimSpace(o.err))
	}
	return strings.Join(slices.Compact(reasons), "\n")
}

// run runs the command that the scene describes, with a temporary folder of its
// own.
func (s *scene) run() outcome {
	s.t.Setenv("TMPDIR", s.temp)
	s.t.Setenv("IMAGEGATE_CACHE_DIR", s.cache)
	s.t.Setenv("DOCKER_CONFIG", s.dir)
	if s.instead != nil {
		return s.instead()
	}
	var out, errs bytes.Buffer
	code := execute(s.ctx, s.command(), console{out: &out, err: &errs})
	return outcome{code, out.String(), errs.String()}
}

// command is the command line of the scene.
func (s *scene) command() []string {
	args := []string{"check", "-q", "--offline", "-o", "json", "--policy", s.policy, "--timeout", s.timeout.String()}
	signers := s.signers
	if signers == nil {
		signers = []string{"--insecure-skip-signatures"}
	}
	return slices.Concat(args, signers, s.args, []string{s.reference})
}

// check asks a gate that was joined by hand, where a case needs its hands in it.
func (s *scene) check(ctx context.Context, g *gate.Gate) outcome {
	result, err := g.Check(ctx, s.reference, policy.StageBuild)
	if err != nil {
		return outcome{code: exitUsage, err: err.Error()}
	}
	out, err := json.Marshal(map[string]any{"results": []gate.Result{result}})
	require.NoError(s.t, err)
	return outcome{code: verdictCode(result.Verdict), out: string(out)}
}

// listing is every file below a folder with its size.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) || path == dir {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			files = append(files, fmt.Sprintf("%s %d", strings.TrimPrefix(path, dir), info.Size()))
		}
		return err
	}))
	return files
}

// deletedButOpen are the temporary files without a name that this process holds.
func deletedButOpen(t *testing.T) []string {
	t.Helper()
	var held []string
	links, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasSuffix(target, "(deleted)") {
			held = append(held, target)
		}
	}
	return held
}
