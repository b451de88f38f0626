package vuln_test

import (
	"fmt"
	"testing"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/vuln"
)

// mixed is a document with something of everything that the small database knows,
// under names in other spellings too, and with what it does not know.
func mixed(t testing.TB, distribution string) *sbom.Document {
	t.Helper()
	return document(t, distribution,
		deb("libsample1", "1.2.0-2", "libsample"), deb("libsample-dev", "1.2.0-2", "libsample"), deb("LibSample", "1.0-1", ""), deb("unknown", "1", "unheard"),
		apk("sample", "2.0-r0"), apk("none", "1"),
		goModule("example.com/sample/mod", "v1.3.9"), goModule("example.com/other", "v1.0.0"),
		python("sample-lib", "2.1", "/opt/a"), python("Sample_Lib", "1.0", "/opt/b"), python("sample-lib", "0.5", "/opt/c"),
	)
}

var distributions = map[string]string{"debian": debian12, "alpine": alpine320}

// What is found equals what grype finds by itself, the first time and again.
func TestMatchEqualsGrypes(t *testing.T) {
	t.Parallel()
	directory := smallDirectory(t)
	database := open(t, directory)
	for name, distribution := range distributions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := vuln.MatchByGrype(t, directory, mixed(t, distribution))
			require.NotEmpty(t, want)
			for range 2 {
				found, err := database.Match(t.Context(), mixed(t, distribution))
				require.NoError(t, err)
				require.Equal(t, want, found)
			}
		})
	}
}

// A reader that foresees what it is asked gives the answers of grype's own.
func TestForeseenAnswersAreTheReaders(t *testing.T) {
	t.Parallel()
	own, foreseeing := vuln.Readers(t, open(t, smallDirectory(t)), mixed(t, debian12))
	systems := map[string]v6.OSSpecifiers{
		"debian 12":  {{Name: "debian", MajorVersion: "12"}},
		"both":       {{Name: "debian", MajorVersion: "12"}, {Name: "alpine", MajorVersion: "3", MinorVersion: "20"}},
		"none":       {v6.NoOSSpecified},
		"any":        {v6.AnyOSSpecified},
		"unstated":   nil,
		"not there":  {{Name: "debian", MajorVersion: "99"}},
		"impossible": {v6.NoOSSpecified, {Name: "debian", MajorVersion: "12"}},
		"nameless":   {{MajorVersion: "12"}},
	}
	for _, name := range []string{"libsample", "LIBSAMPLE", "libsample1", "sample", "sample-lib", "Sample-Lib", "example.com/sample/mod", "unheard", "not foreseen"} {
		for _, ecosystem := range []string{"", "deb", "DEB", "apk", "python", "pypi", "go", "go-module", "golang", "nonsense"} {
			for system, wanted := range systems {
				t.Run(fmt.Sprintf("%s of %s for %s", name, ecosystem, system), func(t *testing.T) {
					ask := func() (*v6.PackageSpecifier, *v6.GetPackageOptions) {
						return &v6.PackageSpecifier{Name: name, Ecosystem: ecosystem}, &v6.GetPackageOptions{OSs: wanted, PreloadBlob: true}
					}
					requireSame(t, v6.Reader.GetAffectedPackages, own, foreseeing, ask)
					requireSame(t, v6.Reader.GetUnaffectedPackages, own, foreseeing, ask)
				})
			}
		}
	}
}

// requireSame asks both readers.
func requireSame[A, B, T any](t *testing.T, method func(v6.Reader, A, B) ([]T, error), own, foreseeing v6.Reader, ask func() (A, B)) {
	t.Helper()
	a, b := ask()
	want, wantErr := method(own, a, b)
	a, b = ask()
	got, err := method(foreseeing, a, b)
	require.Equal(t, wantErr, err)
	require.Equal(t, len(want), len(got))
	if len(want) > 0 {
		require.Equal(t, want, got)
	}
}

func TestForeseenRecordsAreTheReaders(t *testing.T) {
	t.Parallel()
	own, foreseeing := vuln.Readers(t, open(t, smallDirectory(t)), mixed(t, debian12))
	for _, id := range []string{"CVE-2024-10001", "cve-2024-10002", "CVE-2024-10005", "CVE-2024-10004", "CVE-1999-0001", ""} {
		want, err := own.GetEpss(id)
		require.NoError(t, err)
		got, err := foreseeing.GetEpss(id)
		require.NoError(t, err)
		require.Equal(t, want, got, id)

		exploited, err := own.GetKnownExploitedVulnerabilities(id)
		require.NoError(t, err)
		found, err := foreseeing.GetKnownExploitedVulnerabilities(id)
		require.NoError(t, err)
		require.Equal(t, exploited, found, id)

		for _, provider := range []string{"nvd", "debian", "NVD", "nobody"} {
			ask := func() (*v6.VulnerabilitySpecifier, *v6.GetVulnerabilityOptions) {
				return &v6.VulnerabilitySpecifier{Name: id, Providers: []string{provider}}, &v6.GetVulnerabilityOptions{Preload: true}
			}
			requireSame(t, v6.Reader.GetVulnerabilities, own, foreseeing, ask)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	directory := smallDirectory(b)
	wanted := mixed(b, debian12)
	b.ReportAllocs()
	for b.Loop() {
		database, err := vuln.Open(directory)
		require.NoError(b, err)
		_, err = database.Match(b.Context(), wanted)
		require.NoError(b, err)
		require.NoError(b, database.Close())
	}
}
