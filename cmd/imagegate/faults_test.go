package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
)

var (
	faultChecks = flag.Int("faults", 300, "how many checks TestFaultsNeverAllow makes")
	faultSeed   = flag.Uint64("faults-seed", 1, "the first of their seeds")
	faultTable  = flag.String("faults-table", "", "write what became of them to this file")
)

const (
	// faultRate is the share of requests that meet mischief. A check makes about ten.
	faultRate = 0.12
	// faultTime ends a check that is stalled.
	faultTime = 3 * time.Second
)

// TestFaultsNeverAllow judges images through a proxy that resets, stalls,
// truncates, corrupts, refuses and exchanges what the registry answers. Whatever
// it does, the verdict is the right one or undecided; above all, what should be
// denied or cannot be judged is never allowed.
func TestFaultsNeverAllow(t *testing.T) {
	w, err := newWorld(t)
	require.NoError(t, err)
	images := mixedImages(t, w)
	within := faultGates(t, w)
	requireRightVerdicts(t, within(5*time.Minute), w.registry, images)
	g := within(faultTime)

	proxy := gatetest.NewProxy(t, w.registry, faultRate, "plain:v1", "root:v1")
	tally := tally{counts: map[string]map[judged]int{}}
	var group errgroup.Group
	group.SetLimit(12 * runtime.GOMAXPROCS(0)) // they wait more than they work
	for i := range *faultChecks {
		seed, image := *faultSeed+uint64(i), images[i%len(images)]
		group.Go(func() error {
			got, err := g.Check(t.Context(), proxy.Reference(seed, image.name+":v1"), policy.StageBuild)
			kinds := proxy.Done(seed)
			if err == nil {
				err = image.tolerates(got, kinds)
			}
			if err != nil {
				return fmt.Errorf("-faults=1 -faults-seed=%d, image %s, mischief %v: %w", seed, image.name, kinds, err)
			}
			tally.add(kinds, judged{image.want, got.Verdict})
			return nil
		})
	}
	require.NoError(t, group.Wait())
	if *faultTable != "" {
		tally.write(t, *faultTable)
	}
}

// tolerates says what is wrong with a verdict that was reached in spite of
// mischief.
func (i mixedImage) tolerates(got gate.Result, kinds []string) error {
	deceived := slices.ContainsFunc(kinds, gatetest.Deceives)
	switch {
	case got.Verdict == policy.NotDecidable:
		return nil
	case got.Verdict == i.want && got.Digest == i.digest:
		return nil
	case got.Verdict == policy.Deny && deceived:
		return nil // the truth about what the registry seemed to hold
	}
	return fmt.Errorf("%s is %s, not %s: %+v", got.Digest, got.Verdict, i.want, got.Findings)
}

// requireRightVerdicts holds the images against what they are meant to be, with
// nobody in between.
func requireRightVerdicts(t *testing.T, g *gate.Gate, registry *gatetest.Registry, images []mixedImage) {
	t.Helper()
	for _, image := range images {
		got, err := g.Check(t.Context(), registry.Host()+"/"+image.name+":v1", policy.StageBuild)
		require.NoError(t, err)
		require.Equal(t, image.want, got.Verdict, "%s: %+v", image.name, got.Findings)
		require.Equal(t, image.digest, got.Digest)
	}
}

// faultGates makes gates over the same real engines, which believe in the world's
// key and in its keyless signers.
func faultGates(t *testing.T, w *world) func(time.Duration) *gate.Gate {
	t.Helper()
	p := faultPolicy(t, w)
	engines, done := realEngines(t, p, filepath.Join(builtDatabase(t), "db"))
	t.Cleanup(done)
	return func(timeout time.Duration) *gate.Gate {
		g, err := gate.New(p, engines, gate.WithTimeout(timeout))
		require.NoError(t, err)
		return g
	}
}

// faultPolicy believes in the world's key and in its keyless signers.
func faultPolicy(t *testing.T, w *world) *policy.Policy {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, w.write(dir))
	file := dir + "/policy.yaml"
	require.NoError(t, os.WriteFile(file, []byte(`
apiVersion: imagegate.dev/v1
kind: Policy
metadata: {name: faults}
extends: restricted
signatures:
  signers:
  - {name: release, key: {file: cosign.pub}}
  - {name: ci, keyless: {issuer: "`+ci.Issuer+`", subject: `+ci.Subject+`}}
  trustRoot: {file: trusted_root.json}
`), 0o600))
	p, err := (&policyFlags{policy: file}).load()
	require.NoError(t, err)
	return p
}

// judged is a right verdict and the one that was given.
type judged struct{ want, got policy.Decision }

// tally counts verdicts by the kinds of mischief that led to them.
type tally struct {
	mu     sync.Mutex
	counts map[string]map[judged]int
}

// add counts a check once for each kind that it met.
func (t *tally) add(kinds []string, c judged) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.Sort(kinds)
	kinds = slices.Compact(kinds)
	if len(kinds) == 0 {
		kinds = []string{"none"}
	}
	for _, kind := range append(kinds, "all checks") {
		if t.counts[kind] == nil {
			t.counts[kind] = map[judged]int{}
		}
		t.counts[kind][c]++
	}
}

// write is what `make faults` shows.
func (t *tally) write(test *testing.T, path string) {
	file, err := os.Create(path)
	require.NoError(test, err)
	w := tabwriter.NewWriter(file, 0, 0, 2, ' ', tabwriter.AlignRight)
	decisions := []policy.Decision{policy.Allow, policy.Deny, policy.NotDecidable}
	fmt.Fprint(w, "RIGHT → GIVEN\t")
	for _, want := range decisions {
		for _, got := range decisions {
			fmt.Fprintf(w, "%s → %s\t", want, strings.TrimSuffix(string(got), "able"))
		}
	}
	fmt.Fprintln(w)
	for _, kind := range slices.Sorted(maps.Keys(t.counts)) {
		fmt.Fprint(w, kind, "\t")
		for _, want := range decisions {
			for _, got := range decisions {
				fmt.Fprint(w, t.counts[kind][judged{want, got}], "\t")
			}
		}
		fmt.Fprintln(w)
	}
	require.NoError(test, w.Flush())
	require.NoError(test, file.Close())
}
