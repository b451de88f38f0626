package vuln_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/vuln"
)

func TestBuild(t *testing.T) {
	t.Parallel()
	directory, publish := filepath.Join(t.TempDir(), "db"), filepath.Join(t.TempDir(), "v6")
	made, err := vuln.Build(t.Context(), vuln.BuildOptions{
		Advisories: writeAdvisories(t, advisories, map[string]string{"README.md": "no advisory", "nvd/metadata.json": "{}"}),
		Directory:  directory, Publish: publish, Built: built,
	})
	require.NoError(t, err)
	require.Equal(t, map[string]int{"acme": 1, "alpine": 1, "debian": 2, "epss": 2, "github": 1, "govulndb": 1, "kev": 1, "nvd": 3}, made.Records)
	require.Equal(t, made.Database, vuln.Inspect(directory).Database)
	require.Equal(t, built, made.Database.Built)
	require.Equal(t, filepath.Join(publish, "vulnerability-db_v6.1.10_20260301T120000Z.tar.gz"), made.Archive)
	require.FileExists(t, made.Archive)
	require.FileExists(t, made.Listing)
}

func TestBuildAgainReplaces(t *testing.T) {
	t.Parallel()
	directory := buildDirectory(t, later(5), advisories)
	_, err := vuln.Build(t.Context(), vuln.BuildOptions{Advisories: writeAdvisories(t, advisories), Directory: directory, Built: built})
	require.NoError(t, err)
	require.Equal(t, built, installedAt(t, directory), "who builds wants this one, whatever was there")
}

// TestEnvelopes: records as grype's own providers write them.
func TestEnvelopes(t *testing.T) {
	t.Parallel()
	wrapped := make(map[string]string)
	schemas := map[string]string{"debian": "os", "alpine": "os", "go": "osv", "github": "github-security-advisory"}
	for name, content := range advisories {
		folder, _, _ := strings.Cut(name, "/")
		if schema := schemas[folder]; schema != "" {
			content = fmt.Sprintf(`{"schema": "https://example.com/%s/schema-1.0.0.json", "identifier": "x", "item": %s}`, schema, content)
		}
		wrapped[name] = content
	}
	doc := document(t, debian12, deb("libsample1", "1.2.0-2", "libsample"), goModule("example.com/sample/mod", "v1.3.9"), python("sample-lib", "2.1", "/x"))
	want, err := open(t, smallDirectory(t)).Match(t.Context(), doc)
	require.NoError(t, err)
	got, err := open(t, buildDirectory(t, built, wrapped)).Match(t.Context(), doc)
	require.NoError(t, err)
	require.NotEmpty(t, want)
	require.Equal(t, want, got)
}

func osv(id, ecosystem, name, events string, more ...string) string {
	return fmt.Sprintf(`{"id": %q, "modified": "2026-01-01T00:00:00Z", "aliases": ["CVE-2024-1"], "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
		"affected": [{"package": {"ecosystem": %q, "name": %q}, "ranges": [{"type": "ECOSYSTEM", "events": %s}]}] %s}`, id, ecosystem, name, events, strings.Join(more, ""))
}

// TestOSVMatches: records of databases for which grype's builder has no reader.
func TestOSVMatches(t *testing.T) {
	t.Parallel()
	const window = `[{"introduced": "0"}, {"fixed": "1.5.0"}, {"introduced": "2.0.0"}, {"last_affected": "2.3.0"}]`
	artifact := func(kind, language, purl, name, version string) string {
		return fmt.Sprintf(`{"id": %[3]q, "name": %[4]q, "version": %[5]q, "type": %[1]q, "locations": [], "licenses": [], "language": %[2]q, "cpes": [], "purl": %[3]q}`, kind, language, purl, name, version)
	}
	tests := map[string]struct {
		record          string
		artifact        func(version string) string
		distribution    string
		affected, clean []string
	}{
		"PyPI": {record: osv("PYSEC-2026-1", "PyPI", "Some.Lib", window), artifact: func(v string) string { return python("some-lib", v, "/x") },
			affected: []string{"1.4.9", "2.0.0", "2.3.0"}, clean: []string{"1.5.0", "1.9", "2.3.1"}},
		"npm": {record: osv("GHSA-xxxx-yyyy-zzzz", "npm", "some-lib", window), artifact: func(v string) string { return artifact("npm", "javascript", "pkg:npm/some-lib@"+v, "some-lib", v) },
			affected: []string{"1.4.9", "2.0.0", "2.3.0"}, clean: []string{"1.5.0", "2.3.1"}},
		"Go": {record: osv("ACME-2026-2", "Go", "example.com/some/lib", window), artifact: func(v string) string { return goModule("example.com/some/lib", "v"+v) },
			affected: []string{"1.4.9", "2.3.0"}, clean: []string{"1.5.0", "2.3.1"}},
		"crates.io": {record: osv("RUSTSEC-2026-1", "crates.io", "some-lib", window), artifact: func(v string) string { return artifact("rust-crate", "rust", "pkg:cargo/some-lib@"+v, "some-lib", v) },
			affected: []string{"1.4.9", "2.3.0"}, clean: []string{"1.5.0", "2.3.1"}},
		"Maven": {record: osv("ACME-2026-3", "Maven", "com.example:some-lib", window), artifact: func(v string) string {
			return artifact("java-archive", "java", "pkg:maven/com.example/some-lib@"+v, "some-lib", v)
		}, affected: []string{"1.4.9", "2.3.0"}, clean: []string{"1.5.0", "2.3.1"}},
		"RubyGems": {record: osv("ACME-2026-4", "RubyGems", "some-lib", window), artifact: func(v string) string { return artifact("gem", "ruby", "pkg:gem/some-lib@"+v, "some-lib", v) },
			affected: []string{"1.4.9", "2.3.0"}, clean: []string{"1.5.0", "2.3.1"}},
		"NuGet": {record: osv("ACME-2026-5", "NuGet", "Some.Lib", window), artifact: func(v string) string { return artifact("dotnet", "dotnet", "pkg:nuget/Some.Lib@"+v, "Some.Lib", v) },
			affected: []string{"1.4.9", "2.3.0"}, clean: []string{"1.5.0", "2.3.1"}},
		"all versions": {record: osv("ACME-2026-6", "npm", "all-lib", `[{"introduced": "0"}]`), artifact: func(v string) string { return artifact("npm", "javascript", "pkg:npm/all-lib@"+v, "all-lib", v) },
			affected: []string{"0.0.1", "9.9.9", "1.0.0-beta.1"}},
		"listed versions": {record: `{"id": "ACME-2026-7", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "PyPI", "name": "listed-lib"}, "versions": ["1.0", "1.2"]}]}`,
			artifact: func(v string) string { return python("listed-lib", v, "/x") }, affected: []string{"1.0", "1.2"}, clean: []string{"1.1", "1.3"}},
		"Debian": {record: osv("ACME-2026-8", "Debian:12", "some-lib", `[{"introduced": "0"}, {"fixed": "1.5.0-2"}]`), distribution: debian12,
			artifact: func(v string) string { return deb("some-lib", v, "") }, affected: []string{"1.5.0-1"}, clean: []string{"1.5.0-2"}},
		"Debian without a fix": {record: osv("ACME-2026-9", "Debian:12", "open-lib", `[{"introduced": "0"}]`), distribution: debian12,
			artifact: func(v string) string { return deb("open-lib", v, "") }, affected: []string{"1.5.0-1"}},
		"Alpine": {record: osv("ACME-2026-10", "Alpine:v3.20", "some-lib", `[{"introduced": "0"}, {"fixed": "1.5.0-r2"}]`), distribution: alpine320,
			artifact: func(v string) string { return apk("some-lib", v) }, affected: []string{"1.5.0-r1"}, clean: []string{"1.5.0-r2"}},
		"withdrawn": {record: osv("ACME-2026-11", "PyPI", "gone-lib", window, `, "withdrawn": "2026-02-01T00:00:00Z"`), artifact: func(v string) string { return python("gone-lib", v, "/x") },
			clean: []string{"1.4.9"}},
	}
	records := make(map[string]string)
	for name, test := range tests {
		records["own/"+name+".json"] = test.record
	}
	database := open(t, buildDirectory(t, built, records))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			match := func(version string) []sbom.Vulnerability {
				found, err := database.Match(t.Context(), document(t, test.distribution, test.artifact(version)))
				require.NoError(t, err)
				return found
			}
			for _, version := range test.affected {
				found := match(version)
				require.Len(t, found, 1, version)
				require.True(t, strings.Contains(test.record, found[0].ID))
				if strings.Contains(test.record, "CVSS") {
					require.InDelta(t, 9.8, *found[0].CVSS, 0.01)
					require.Equal(t, "critical", found[0].Severity)
					require.Equal(t, []string{"CVE-2024-1"}, found[0].Aliases)
				}
			}
			for _, version := range test.clean {
				require.Empty(t, match(version), version)
			}
		})
	}
}

func TestBuildReportsEveryFault(t *testing.T) {
	t.Parallel()
	bad := map[string]string{
		"a/empty.json":        "",
		"a/no.json":           "{",
		"a/trailing.jsonl":    `{"cve": "CVE-2024-1", "epss": 0.1, "percentile": 0.1, "date": "2026-01-01"}` + "\n[",
		"a/something.json":    `{"hello": "world"}`,
		"a/text.json":         `"hello"`,
		"a/unnamed.json":      `{"Vulnerability": {"Name": ""}}`,
		"a/wrongtype.json":    `{"Vulnerability": {"Name": "CVE-1", "FixedIn": 7}}`,
		"a/severity.json":     `{"Vulnerability": {"Name": "CVE-1", "NamespaceName": "debian:12", "Severity": "awful", "FixedIn": []}}`,
		"b/nothing.json":      `{"id": "GO-2024-1", "modified": "2026-01-01T00:00:00Z", "affected": []}`,
		"b/ecosystem.json":    osv("ACME-1", "Fortran", "x", `[{"introduced": "0"}]`),
		"b/commits.json":      strings.ReplaceAll(osv("ACME-2", "npm", "x", `[{"introduced": "0"}]`), "ECOSYSTEM", "GIT"),
		"b/noevents.json":     osv("ACME-3", "npm", "x", `[]`),
		"b/twice.json":        osv("ACME-4", "npm", "x", `[{"introduced": "0"}, {"introduced": "1.0.0"}]`),
		"b/backwards.json":    osv("ACME-5", "npm", "x", `[{"fixed": "1.0.0"}]`),
		"b/version.json":      osv("ACME-6", "PyPI", "x", `[{"introduced": "0"}, {"fixed": "not a version"}]`),
		"b/vector.json":       strings.ReplaceAll(osv("ACME-7", "npm", "x", `[{"introduced": "0"}]`), "AV:N", "AV:?"),
		"b/mixed.json":        `{"id": "ACME-8", "affected": [{"package": {"ecosystem": "Debian:12", "name": "x"}}, {"package": {"ecosystem": "npm", "name": "x"}}]}`,
		"b/lowerbound.json":   osv("ACME-9", "Debian:12", "x", `[{"introduced": "1.0"}, {"fixed": "2.0"}]`),
		"b/nopackage.json":    osv("ACME-10", "npm", "", `[{"introduced": "0"}]`),
		"b/unknown.json":      `{"schema": "https://example.com/tea-leaves/schema-1.0.0.json", "item": {"x": 1}}`,
		"b/withdrawndeb.json": osv("ACME-11", "Debian:12", "x", `[{"introduced": "0"}]`, `, "withdrawn": "2026-02-01T00:00:00Z"`),
	}
	directory := filepath.Join(t.TempDir(), "db")
	_, err := vuln.Build(t.Context(), vuln.BuildOptions{Advisories: writeAdvisories(t, advisories, bad), Directory: directory})
	var failed *vuln.BuildError
	require.ErrorAs(t, err, &failed)
	found := make(map[string]bool)
	for _, record := range failed.Records {
		found[record.File] = true
		require.ErrorContains(t, err, record.File)
	}
	for name := range bad {
		require.True(t, found[name], "%s is not reported", name)
	}
	require.Len(t, failed.Records, len(bad))
	require.NotEmpty(t, failed.Remedy())
	require.NoDirExists(t, directory)
}

func TestBuildReportsBounded(t *testing.T) {
	t.Parallel()
	lines := strings.Repeat(`{"no": "advisory"}`+"\n", 500)
	_, err := vuln.Build(t.Context(), vuln.BuildOptions{Advisories: writeAdvisories(t, map[string]string{"a/b.jsonl": lines}), Directory: t.TempDir()})
	var failed *vuln.BuildError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, 400, failed.More)
	require.ErrorContains(t, err, "a/b.jsonl: record 7:")
	require.ErrorContains(t, err, "and 400 more")
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	good := writeAdvisories(t, advisories)
	_, err := vuln.Build(t.Context(), vuln.BuildOptions{Advisories: good})
	require.ErrorContains(t, err, "neither")
	_, err = vuln.Build(t.Context(), vuln.BuildOptions{Advisories: t.TempDir(), Directory: t.TempDir()})
	require.ErrorContains(t, err, "no advisories")
	_, err = vuln.Build(t.Context(), vuln.BuildOptions{Advisories: filepath.Join(good, "nothing"), Directory: t.TempDir()})
	require.ErrorIs(t, err, os.ErrNotExist)

	linked := writeAdvisories(t, advisories)
	require.NoError(t, os.Symlink(filepath.Join(good, "debian", "CVE-2024-10001.json"), filepath.Join(linked, "debian", "link.json")))
	_, err = vuln.Build(t.Context(), vuln.BuildOptions{Advisories: linked, Directory: t.TempDir()})
	require.ErrorContains(t, err, "debian/link.json")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = vuln.Build(ctx, vuln.BuildOptions{Advisories: good, Directory: t.TempDir()})
	require.True(t, errors.Is(err, context.Canceled), err)
}

func FuzzStorable(f *testing.F) {
	for _, record := range advisories {
		f.Add([]byte(record))
	}
	f.Add([]byte(osv("ACME-1", "npm", "x", `[{"introduced": "0"}, {"fixed": "1"}]`)))
	f.Add([]byte(osv("ACME-1", "Debian:12", "x", `[{"introduced": "0"}, {"fixed": "1"}]`)))
	f.Add([]byte(`{"schema": "/osv/schema-1.0.0.json", "item": {"id": "ACME-1", "modified": "x"}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		stored, err := vuln.Storable(content)
		if err == nil && !json.Valid(stored) {
			t.Fatalf("%q is stored as %q", content, stored)
		}
	})
}
