package vuln_test

import (
	"testing"

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
