package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/filetree"
	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/inspect"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom/catalog"
	"github.com/imagegate/imagegate/sbom/vuln"
)

// realEngines are those of wire.go, for tests that ask a gate directly. The database
// is open until done.
func realEngines(t testing.TB, p *policy.Policy, folder string, options ...image.Option) (engines gate.Engines, done func()) {
	t.Helper()
	images, err := image.New(append(options, image.WithRules(filetree.Rules{Keep: keep, Condense: condense}))...)
	require.NoError(t, err)
	database, err := vuln.Open(folder)
	require.NoError(t, err)
	engines = gate.Engines{Images: images, Inspector: inspect.New(), Cataloger: catalog.New(), Matcher: database}
	verifier, err := newVerifier(p.Signatures)
	require.NoError(t, err)
	if verifier != nil {
		engines.Verifier = verifier
	}
	return engines, func() { require.NoError(t, database.Close()) }
}
