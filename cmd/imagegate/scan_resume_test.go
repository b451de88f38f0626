package main

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/jetstream"
	"github.com/imagegate/imagegate/gate/scan"
	"github.com/imagegate/imagegate/policy"
)

// TestAJobGoesOnWithWhatIsUnfinished: only with its own targets and policy, and only
// if the scan before did not end.
func TestAJobGoesOnWithWhatIsUnfinished(t *testing.T) {
	t.Parallel()
	connection, err := jetstream.Embed(t.Context(), jetstream.Embedding{Folder: t.TempDir()})
	require.NoError(t, err)
	defer connection.Close()
	queue, err := scan.Open(t.Context(), connection)
	require.NoError(t, err)
	load := func(text string) *policy.Policy {
		p, err := policy.Parse("policy.yaml", []byte(text))
		require.NoError(t, err)
		return p
	}
	const head = "apiVersion: imagegate.dev/v1\nkind: Policy\nmetadata: {name: test}\nextends: nothing\n"
	ours, other := load(head+"config: {nonRoot: true}\n"), load(head+"config: {nonRoot: false, numericUser: true}\n")
	begin := func(p *policy.Policy, targets ...string) *scan.Scan {
		f := &scanFlags{shared: &shared{console: console{out: io.Discard, err: io.Discard}}, resume: resumeUnfinished}
		require.NoError(t, f.listing.settle(targets, time.Now()))
		current, err := f.beginOrResume(t.Context(), queue, p)
		require.NoError(t, err)
		require.Equal(t, targets, f.listing.Targets)
		return current
	}
	first := begin(ours, "registry.example.com")
	require.Equal(t, first.ID(), begin(ours, "registry.example.com").ID(), "it was not finished")
	require.NotEqual(t, first.ID(), begin(ours, "registry.example.com", "-").ID(), "other targets")
	require.NotEqual(t, first.ID(), begin(other, "registry.example.com").ID(), "another policy")
	second := begin(ours, "registry.example.com")
	require.NoError(t, queue.Cancel(t.Context(), second.ID()))
	require.NotEqual(t, second.ID(), begin(ours, "registry.example.com").ID(), "it was cancelled")
}
