package vuln

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"testing"

	"github.com/anchore/grype/grype"
	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/matcher"
	"github.com/anchore/grype/grype/pkg"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom"
)

// Packages are compared with those that grype makes of the same document.
func Packages(document *sbom.Document) ([]pkg.Package, error) {
	inventory, err := inventoryOf(document)
	return inventory.packages, err
}

// MatchByGrype is what grype alone makes of a document: its own matcher over its own
// reader.
func MatchByGrype(t testing.TB, directory string, document *sbom.Document) []sbom.Vulnerability {
	t.Helper()
	where, err := locate(directory)
	require.NoError(t, err)
	reader, err := v6.NewReader(v6.Config{DBDirPath: where.folder})
	require.NoError(t, err)
	defer reader.Close()
	inventory, err := inventoryOf(document)
	require.NoError(t, err)
	provider := v6.NewVulnerabilityProvider(reader)
	matcher := grype.VulnerabilityMatcher{
		VulnerabilityProvider: provider,
		Matchers:              matcher.NewDefaultMatchers(matcherConfig()),
		IgnoreRules:           kernelHeaderRules(),
	}
	matches, _, err := matcher.FindMatches(inventory.packages, inventory.context)
	require.NoError(t, err)
	found, err := newConversion(provider).all(matches)
	require.NoError(t, err)
	return found
}

// ParseListing is fuzzed.
func ParseListing(content []byte) (Available, error) {
	return parseListing(content, &url.URL{Scheme: "https", Host: "db.example.com", Path: "/v6/latest.json"})
}

// Unpack is fuzzed.
func Unpack(archive io.Reader, folder string, limit int64) error {
	return unpack(context.Background(), archive, "fuzz", folder, updateOptions{maxUnpacked: limit, progress: func(Progress) {}})
}

// Storable is fuzzed: what a record is stored as.
func Storable(content []byte) (json.RawMessage, error) {
	advisory, err := recognize(content)
	if err != nil {
		return nil, err
	}
	advisory, err = advisory.storable()
	return advisory.content, err
}

// LookAhead is tested with a matcher that fails.
var LookAhead = lookAhead
