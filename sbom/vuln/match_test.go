package vuln_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/anchore/grype/grype/pkg"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/vuln"
)

var (
	_ gate.Matcher = (*vuln.Database)(nil)
	_ gate.Matcher = vuln.Unavailable{}
)

func day(year int, month time.Month, day int) *time.Time {
	date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	return &date
}

func number(f float64) *float64 { return &f }

func TestMatch(t *testing.T) {
	t.Parallel()
	database := open(t, smallDirectory(t))
	found, err := database.Match(t.Context(), document(t, debian12,
		deb("libsample1", "1.2.0-2", "libsample"),
		goModule("example.com/sample/mod", "v1.3.9"),
		python("sample-lib", "2.1", "/opt/a/sample_lib.dist-info/METADATA"),
		python("sample-lib", "2.1", "/opt/b/sample_lib.dist-info/METADATA"),
		python("unaffected", "2.1", "/opt/c"),
	))
	require.NoError(t, err)

	v40 := "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:L/SC:N/SI:N/SA:N"
	pythonPaths := []string{"/opt/a/sample_lib.dist-info/METADATA", "/opt/b/sample_lib.dist-info/METADATA"}
	goPURL, pyPURL := "pkg:golang/example.com/sample/mod@v1.3.9", "pkg:pypi/sample-lib@2.1"
	require.Equal(t, []sbom.Vulnerability{
		{
			ID: "ACME-2026-1", Package: "sample-lib", Version: "2.1", Type: "python", PURL: pyPURL, Paths: pythonPaths,
			Namespace: "acme:language:python", Severity: "critical",
			FixState: "fixed", FixedIn: []string{"2.2"}, FixDate: day(2026, 2, 2), Description: "do not use",
		},
		{
			// Both facts: the distribution's word, and the score of somebody else.
			ID: "CVE-2024-10001", Package: "libsample1", Version: "1.2.0-2", Type: "deb", PURL: "pkg:deb/debian/libsample1@1.2.0-2",
			Paths: []string{"/var/lib/dpkg/status"}, Namespace: "debian:distro:debian:12", Severity: "negligible",
			CVSS: number(9.8), Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", ScoreSource: "nvd",
			Scores:   []sbom.Score{{Source: "nvd", Version: "3.1", Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Base: 9.8}},
			FixState: "wont-fix", DataSource: "https://security.example.com/CVE-2024-10001", Description: "described by NVD",
		},
		{
			ID: "CVE-2024-10002", Package: "libsample1", Version: "1.2.0-2", Type: "deb", PURL: "pkg:deb/debian/libsample1@1.2.0-2",
			Paths: []string{"/var/lib/dpkg/status"}, Namespace: "debian:distro:debian:12", Severity: "medium",
			CVSS: number(5.3), Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L", ScoreSource: "cna",
			Scores: []sbom.Score{{Source: "cna", Version: "3.1", Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L", Base: 5.3}},
			EPSS:   number(0.25), FixState: "fixed", FixedIn: []string{"1.2.0-3"}, FixDate: day(2026, 2, 10), Description: "described by NVD",
		},
		{
			ID: "GHSA-dddd-eeee-ffff", Aliases: []string{"CVE-2024-10005"}, Package: "sample-lib", Version: "2.1", Type: "python", PURL: pyPURL, Paths: pythonPaths,
			Namespace: "github:language:python", Severity: "medium",
			CVSS: number(6.9), Vector: v40, ScoreSource: "ghsa", Scores: []sbom.Score{{Source: "ghsa", Version: "4.0", Vector: v40, Base: 6.9}},
			EPSS: number(0.5), KEV: true,
			// 0.9 is of another line of releases.
			FixState: "fixed", FixedIn: []string{"2.3"}, FixDate: day(2026, 1, 20),
			DataSource: "https://advisories.example.com/GHSA-dddd-eeee-ffff", Description: "made up too",
		},
		{
			ID: "GO-2024-9001", Aliases: []string{"CVE-2024-10004", "GHSA-aaaa-bbbb-cccc"}, Package: "example.com/sample/mod", Version: "v1.3.9", Type: "go-module",
			PURL: goPURL, Paths: []string{"/app"}, Namespace: "govulndb:language:go", Severity: "high",
			CVSS: number(7.5), Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", ScoreSource: "nvd",
			Scores:   []sbom.Score{{Source: "nvd", Version: "3.1", Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", Base: 7.5}},
			FixState: "fixed", FixedIn: []string{"1.4.0"}, FixDate: day(2026, 1, 1), Description: "a made up flaw",
		},
	}, found)
}

func TestNothingKnownIsEmptyNotNil(t *testing.T) {
	t.Parallel()
	found, err := open(t, smallDirectory(t)).Match(t.Context(), document(t, "", python("unaffected", "1", "/x")))
	require.NoError(t, err)
	require.NotNil(t, found)
	require.Empty(t, found)
}

func TestUnknownDistribution(t *testing.T) {
	t.Parallel()
	database := open(t, smallDirectory(t))
	tests := map[string]struct {
		document     *sbom.Document
		distribution string
		known        bool
	}{
		"known":                          {document: document(t, debian12, deb("a", "1", "")), known: true},
		"known minor version":            {document: document(t, alpine320, apk("a", "1")), known: true},
		"no os-release":                  {document: document(t, "", deb("a", "1", ""), deb("b", "1", "")), distribution: ""},
		"never heard of":                 {document: document(t, `{"id": "samplix", "versionID": "7", "name": "Samplix"}`, deb("a", "1", "")), distribution: "samplix 7"},
		"another version":                {document: document(t, `{"id": "debian", "versionID": "99"}`, deb("a", "1", "")), distribution: "debian 99"},
		"another minor version":          {document: document(t, `{"id": "alpine", "versionID": "3.99.0"}`, apk("a", "1")), distribution: "alpine 3.99.0"},
		"unknown, but nothing concerned": {document: document(t, `{"id": "samplix", "versionID": "7"}`, python("x", "1", "/x")), known: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := database.Match(t.Context(), test.document)
			if test.known {
				require.NoError(t, err)
				return
			}
			require.Nil(t, found)
			var unknown *vuln.DistributionError
			require.ErrorAs(t, err, &unknown)
			require.Equal(t, test.distribution, unknown.Distribution)
			require.NotEmpty(t, unknown.Remedy())
			require.Contains(t, err.Error(), test.distribution)
		})
	}
}

func TestMatchRefuses(t *testing.T) {
	t.Parallel()
	database := open(t, smallDirectory(t))

	_, err := database.Match(t.Context(), &sbom.Document{})
	require.ErrorContains(t, err, "not made by the cataloger")
	_, err = database.Match(t.Context(), nil)
	require.Error(t, err)

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = database.Match(cancelled, document(t, debian12, deb("a", "1", "")))
	require.ErrorIs(t, err, context.Canceled)
}

func TestFailedQueryIsAnError(t *testing.T) {
	t.Parallel()
	database, err := vuln.Open(smallDirectory(t))
	require.NoError(t, err)
	require.NoError(t, database.Close())
	_, err = database.Match(t.Context(), document(t, "", python("sample-lib", "2.1", "/x")))
	require.Error(t, err, "a closed database has no rows, and that must not look clean")
}

func TestUnavailable(t *testing.T) {
	t.Parallel()
	reason := &vuln.DatabaseError{Path: "x", Problem: vuln.Missing}
	_, err := vuln.Unavailable{Err: reason}.Match(t.Context(), nil)
	require.ErrorIs(t, err, reason)
	_, err = vuln.Unavailable{Err: reason}.Database()
	require.ErrorIs(t, err, reason)
}

func TestMatchConcurrently(t *testing.T) {
	t.Parallel()
	database := open(t, smallDirectory(t))
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			found, err := database.Match(t.Context(), document(t, debian12, deb("libsample1", "1.2.0-2", "libsample")))
			require.NoError(t, err)
			require.Len(t, found, 2)
		})
	}
}

// TestPackagesEqualGrypes compares with what the command makes of a document.
func TestPackagesEqualGrypes(t *testing.T) {
	t.Parallel()
	artifacts := []string{
		deb("python3-owned", "1.0-1", "owned"),
		python("owned", "1.0", "/usr/lib/python3/dist-packages/owned.egg-info"), // Debian's, left out
		python("owned", "7.0", "/usr/lib/python3/dist-packages/owned.egg-info"), // put there by pip, stays
		python("other", "1.0", "/opt/other"),
		goModule("example.com/m", "v1.0.0"),
	}
	for name, distribution := range map[string]string{
		"debian":  debian12,
		"amazon":  `{"id": "amzn", "versionID": "2023", "idLike": ["fedora"]}`,
		"derived": `{"id": "samplix", "versionID": "1", "idLike": ["debian"]}`,
		"none":    "{}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, _, _, err := pkg.ProvideFromReader(strings.NewReader(syftJSON(distribution, artifacts...)), pkg.ProviderConfig{})
			require.NoError(t, err)
			got, err := vuln.Packages(document(t, distribution, artifacts...))
			require.NoError(t, err)
			require.Equal(t, names(want), names(got))
		})
	}
}

func names(packages []pkg.Package) []string {
	var names []string
	for _, p := range packages {
		names = append(names, p.String())
	}
	return names
}
