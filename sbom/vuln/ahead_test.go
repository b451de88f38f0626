package vuln_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/anchore/grype/grype/match"
	"github.com/anchore/grype/grype/pkg"
	"github.com/anchore/grype/grype/vulnerability"
	syftpkg "github.com/anchore/syft/syft/pkg"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom/vuln"
)

// capricious is a matcher that finds each package vulnerable to its own name, fails
// about "bad" and panics about "worse".
type capricious struct {
	mutex sync.Mutex
	asked map[string]int
}

func (*capricious) Type() match.MatcherType      { return match.DpkgMatcher }
func (*capricious) PackageTypes() []syftpkg.Type { return []syftpkg.Type{syftpkg.DebPkg} }

var errBad = errors.New("bad package")

func (c *capricious) Match(_ vulnerability.Provider, p pkg.Package) ([]match.Match, []match.IgnoreFilter, error) {
	c.mutex.Lock()
	c.asked[p.Name]++
	c.mutex.Unlock()
	switch p.Name {
	case "bad":
		return nil, nil, errBad
	case "worse":
		panic("worse package")
	}
	return []match.Match{{Package: p, Vulnerability: vulnerability.Vulnerability{Reference: vulnerability.Reference{ID: p.Name}}}}, nil, nil
}

func packagesNamed(names ...string) (packages []pkg.Package) {
	for _, name := range names {
		packages = append(packages, pkg.Package{ID: pkg.ID(name), Name: name, Type: syftpkg.DebPkg})
	}
	return packages
}

// Whoever asked the matcher, each answer is its own: what it found, its error, its
// panic; and it was asked once.
func TestAnswersGivenAheadAreTheMatchers(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprint(i))
	}
	packages := packagesNamed(append(names, "bad", "worse")...)
	asked := &capricious{asked: map[string]int{}}
	knowing, end := vuln.LookAhead(t.Context(), []match.Matcher{asked}, nil, packages)
	defer end()

	for i, name := range names {
		found, _, err := knowing[0].Match(nil, packages[i])
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, name, found[0].Vulnerability.ID)
	}
	_, _, err := knowing[0].Match(nil, packages[100])
	require.ErrorIs(t, err, errBad)
	require.PanicsWithValue(t, "worse package", func() { _, _, _ = knowing[0].Match(nil, packages[101]) })

	unforeseen := packagesNamed("unforeseen")[0]
	found, _, err := knowing[0].Match(nil, unforeseen)
	require.NoError(t, err)
	require.Equal(t, "unforeseen", found[0].Vulnerability.ID)
	for name, times := range asked.asked {
		require.Equal(t, 1, times, name)
	}
}

// After the end nobody is asked, however much is left.
func TestNothingIsAskedAfterTheEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	asked := &capricious{asked: map[string]int{}}
	_, end := vuln.LookAhead(ctx, []match.Matcher{asked}, nil, packagesNamed("a", "b", "c", "d"))
	end()
	require.Empty(t, asked.asked)
}

// Two packages that claim to be one are asked about one by one.
func TestPackagesThatShareAnIDAreNotForeseen(t *testing.T) {
	t.Parallel()
	packages := packagesNamed("a", "b", "c")
	for i := range packages {
		packages[i].ID = "same"
	}
	knowing, end := vuln.LookAhead(t.Context(), []match.Matcher{&capricious{asked: map[string]int{}}}, nil, packages)
	defer end()
	for _, p := range packages {
		found, _, err := knowing[0].Match(nil, p)
		require.NoError(t, err)
		require.Equal(t, p.Name, found[0].Vulnerability.ID)
	}
}
