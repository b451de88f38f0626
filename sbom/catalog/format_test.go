package catalog_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/catalog"
)

func encoded(t testing.TB, d *sbom.Document, format catalog.Format) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, catalog.Encode(&b, d, format))
	return b.Bytes()
}

// TestEncodeIsDeterministic catalogs twice, so that nothing of one run is in the bytes.
func TestEncodeIsDeterministic(t *testing.T) {
	t.Parallel()
	image := layered(t, debian(), languages(t), alpine())
	first, second := document(t, image), document(t, image)
	created := regexp.MustCompile(`"created":"[^"]*"`)
	for _, format := range catalog.Formats() {
		one, two := encoded(t, first, format), encoded(t, second, format)
		if format == catalog.SPDX {
			require.True(t, created.Match(one))
			one, two = created.ReplaceAll(one, nil), created.ReplaceAll(two, nil)
		}
		require.Equal(t, string(one), string(two), format)
		require.Contains(t, string(one), "libssl3")
		require.Contains(t, string(one), strings.TrimPrefix(describe(t, image).Digest, "sha256:"))
	}
}

func TestEncodeNamesTheImage(t *testing.T) {
	t.Parallel()
	d := document(t, layered(t, debian()))
	var spdx struct {
		Name, DocumentNamespace string
		Packages                []struct{ Name, VersionInfo, PrimaryPackagePurpose string }
	}
	require.NoError(t, json.Unmarshal(encoded(t, d, catalog.SPDX), &spdx))
	require.Equal(t, "registry.example.com/app", spdx.Name)
	i := slices.IndexFunc(spdx.Packages, func(p struct{ Name, VersionInfo, PrimaryPackagePurpose string }) bool {
		return p.PrimaryPackagePurpose == "CONTAINER"
	})
	require.Regexp(t, "^sha256:", spdx.Packages[i].VersionInfo)
	require.Regexp(t, "/sha256/[0-9a-f]{64}$", spdx.DocumentNamespace)

	var cyclonedx struct {
		SerialNumber string
		Metadata     struct {
			Component struct{ Name, Version, Type string }
		}
	}
	require.NoError(t, json.Unmarshal(encoded(t, d, catalog.CycloneDX), &cyclonedx))
	require.Regexp(t, "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", cyclonedx.SerialNumber)
	require.Equal(t, "container", cyclonedx.Metadata.Component.Type)
	require.Equal(t, "registry.example.com/app", cyclonedx.Metadata.Component.Name)
}

func TestDecodeIsTheInverse(t *testing.T) {
	t.Parallel()
	for _, gaps := range []bool{false, true} {
		entries := slices.Concat(debian(), languages(t), fedora(t))
		if gaps { // a document with gaps
			entries = append(languages(t), entry("/var/lib/dpkg/status", dpkg("a", "1", "")))
		}
		d := document(t, layered(t, entries))
		again, err := catalog.Decode(bytes.NewReader(encoded(t, d, catalog.SyftJSON)))
		require.NoError(t, err)
		require.Equal(t, d.Packages, again.Packages)
		require.Equal(t, d.Distribution, again.Distribution)
		require.Equal(t, d.Gaps, again.Gaps)
		require.Equal(t, gaps, len(again.Gaps) > 0)
		require.JSONEq(t, string(encoded(t, d, catalog.SyftJSON)), string(encoded(t, again, catalog.SyftJSON)))
		require.Equal(t, identities(catalog.Engine(d)), identities(catalog.Engine(again)))
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"nothing":      "",
		"no JSON":      "SPDXVersion: SPDX-2.3",
		"other format": string(encoded(t, document(t, layered(t, debian())), catalog.SPDX)),
		"cut short":    string(encoded(t, document(t, layered(t, debian())), catalog.SyftJSON)[:2000]),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := catalog.Decode(strings.NewReader(data))
			require.ErrorContains(t, err, "decoding the SBOM")
		})
	}
}

func TestEncodeNeedsAnEngine(t *testing.T) {
	t.Parallel()
	require.Error(t, catalog.Encode(&bytes.Buffer{}, &sbom.Document{}, catalog.SPDX))
	require.Nil(t, catalog.Engine(nil))
}

func TestParseFormat(t *testing.T) {
	t.Parallel()
	for _, format := range catalog.Formats() {
		parsed, err := catalog.ParseFormat(string(format))
		require.NoError(t, err)
		require.Equal(t, format, parsed)
	}
	_, err := catalog.ParseFormat("spdx")
	require.EqualError(t, err, `unknown SBOM format "spdx": choose one of spdx-json, cyclonedx-json, syft-json`)
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"artifacts":[{"id":"1","name":"openssl","version":"3.0.11","type":"deb","locations":[{"path":"/var/lib/dpkg/status","accessPath":"/var/lib/dpkg/status","layerID":"sha256:1"}],"purl":"pkg:deb/debian/openssl@3.0.11","metadataType":"dpkg-db-entry","metadata":{"package":"openssl","version":"3.0.11"}}],"distro":{"id":"debian","versionID":"12"},"source":{"id":"2","type":"image","metadata":{"manifestDigest":"sha256:2"}},"descriptor":{"name":"syft","configuration":{"gaps":["a gap"]}},"schema":{"version":"16.0.0","url":"https://raw.githubusercontent.com/anchore/syft/main/schema.json"}}`))
	f.Add([]byte(`{"artifacts":[{"id":"a","name":"b","type":"deb","metadataType":"dpkg-db-entry","metadata":[]}],"source":{},"descriptor":{"configuration":{"gaps":[1]}},"schema":{"version":"16.0.0","url":"https://raw.githubusercontent.com/anchore/syft/main/schema.json"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := catalog.Decode(bytes.NewReader(data))
		if err == nil {
			require.NotNil(t, catalog.Engine(d))
		}
	})
}
