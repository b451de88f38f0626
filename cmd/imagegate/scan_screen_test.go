package main

import (
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/scan"
)

// progressOf is a scan at some point, on a terminal that nobody draws.
func progressOf(workers ...string) *scanProgress {
	p := &scanProgress{shared: &shared{}, display: &display{}, slots: map[string]slot{}}
	p.Progress(scan.Counts{Units: 340, ListingDone: true, Judged: 212, Allowed: 120, Denied: 80, Undecided: 12, PulledBytes: 3 << 30, SavedBytes: 40 << 30})
	for i, worker := range workers {
		p.activity(scan.Activity{Worker: worker, Slot: i, Name: "registry.example.com/a/long/path/to/an/app:v1.2.3"})
	}
	return p
}

func TestScreenFitsTheTerminal(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		"212 of 340 judged: 120 allowed, 80 denied, 12 undecided · 3.0 GiB pulled, 40 GiB saved",
		"    0s  registry.example.com/a/long/path/to/an/app:v1.2.3",
	}, progressOf("here").screen(100, 24))
	require.Equal(t, []string{
		"212 of 340 judged",
		"120 allowed, 80 denied, 12 undecided",
		"3.0 GiB pulled, 40 GiB saved",
		"  here          0s  …th/to/an/app:v1.2.3",
		"  …elsewhere    0s  …th/to/an/app:v1.2.3",
	}, progressOf("here", "somewhere-elsewhere").screen(40, 24))
	require.Equal(t, "  and 2 more", progressOf("a", "b", "c").screen(100, 3)[2])
	for width := range 120 {
		for height := range 8 {
			lines := progressOf("here", "there", "everywhere").screen(width, height)
			require.LessOrEqual(t, len(lines), height)
			for _, line := range lines {
				require.LessOrEqual(t, ansi.StringWidth(line), width)
			}
		}
	}
}

// TestANarrowerTerminalHasMoreLines: what was drawn before a resize is taken away as a
// whole.
func TestANarrowerTerminalHasMoreLines(t *testing.T) {
	t.Parallel()
	d, w, _ := still(80, 24)
	d.headed(progressOf("here").screen)
	d.draw()
	w.Reset()
	d.size = func() (int, int) { return 40, 24 }
	d.draw()
	require.Regexp(t, `^\r\x1b\[4A`, w.String(), "three lines where there was one, two where there was the other")
	w.Reset()
	require.NoError(t, d.aside(func() error { _, err := w.WriteString("a result\n"); return err }))
	require.Equal(t, "\r\x1b[3A\x1b[Ja result\n", w.String())
}
