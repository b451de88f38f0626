package vex_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy/vex"
)

var digest = "sha256:" + strings.Repeat("a", 64)

func openVEX(statements string) string {
	return `{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/vex/1", "author": "team-a", "timestamp": "2026-11-01T00:00:00Z", "version": 1,
"statements": [` + statements + `]}`
}

func csaf(vulnerability string) string {
	return `{"document": {"category": "csaf_vex", "publisher": {"name": "vendor"}, "tracking": {"id": "V-1", "current_release_date": "2026-11-01T00:00:00Z"}},
"product_tree": {
  "branches": [{"category": "vendor", "name": "v", "branches": [
    {"category": "product_version", "name": "openssl", "product": {"name": "openssl", "product_id": "OPENSSL", "product_identification_helper": {"purl": "pkg:deb/debian/openssl@3.0.1"}}},
    {"category": "product_version", "name": "cpe", "product": {"name": "os", "product_id": "OS", "product_identification_helper": {"cpe": "cpe:/o:x:y"}}}]}],
  "full_product_names": [{"name": "app", "product_id": "APP", "product_identification_helper": {"purl": "pkg:oci/app?repository_url=registry.example.com/team/app"}},
    {"name": "by hash", "product_id": "HASH", "product_identification_helper": {"hashes": [{"filename": "manifest", "file_hashes": [{"algorithm": "sha256", "value": "` + strings.Repeat("A", 64) + `"}]}]}}],
  "product_groups": [{"group_id": "G", "product_ids": ["APP:OPENSSL"]}],
  "relationships": [
    {"category": "default_component_of", "product_reference": "OPENSSL", "relates_to_product_reference": "APP", "full_product_name": {"name": "x", "product_id": "APP:OPENSSL"}},
    {"category": "default_component_of", "product_reference": "OPENSSL", "relates_to_product_reference": "OS", "full_product_name": {"name": "y", "product_id": "OS:OPENSSL"}}]},
"vulnerabilities": [` + vulnerability + `]}`
}

func image() vex.Image {
	return vex.Image{Repository: "registry.example.com/team/app", Digests: []string{"sha256:" + strings.Repeat("b", 64), digest}}
}

const purl = "pkg:deb/debian/openssl@3.0.1?arch=amd64&distro=debian-12"

// Which products a statement is about, by the package URL specification.
func TestProducts(t *testing.T) {
	t.Parallel()
	escaped := "sha256%3A" + strings.Repeat("a", 64)
	for product, want := range map[string]bool{
		`{"@id": "pkg:oci/app@` + escaped + `"}`:                                                        true,
		`{"@id": "pkg:oci/other@` + escaped + `"}`:                                                      false,
		`{"@id": "pkg:oci/app@sha256%3A` + strings.Repeat("c", 64) + `"}`:                               false,
		`{"@id": "pkg:oci/app"}`:                                                                        false,
		`{"@id": "pkg:oci/app?repository_url=registry.example.com/team/app"}`:                           true,
		`{"@id": "pkg:oci/app?repository_url=registry.example.com/team"}`:                               true,
		`{"@id": "pkg:oci/app?repository_url=registry.example.com/evil"}`:                               false,
		`{"@id": "pkg:oci/app?repository_url=registry.example.com/team&tag=v1"}`:                        false,
		`{"@id": "pkg:oci/app@` + escaped + `?tag=v1&arch=amd64"}`:                                      true,
		`{"@id": "pkg:oci/app@` + escaped + `?surprise=1"}`:                                             false,
		`{"@id": "https://example.com/app"}`:                                                            false,
		`{"identifiers": {"purl": "pkg:oci/app@` + escaped + `"}}`:                                      true,
		`{"identifiers": {"cpe23": "cpe:2.3:a:x:y"}}`:                                                   false,
		`{"@id": "x", "hashes": {"sha-256": "` + strings.Repeat("a", 64) + `"}}`:                        true,
		`{"@id": "x", "hashes": {"sha-512": "` + strings.Repeat("a", 64) + `"}}`:                        false,
		`{"@id": "pkg:deb/debian/openssl@3.0.1"}`:                                                       true,
		`{"@id": "pkg:deb/debian/openssl"}`:                                                             true,
		`{"@id": "pkg:deb/debian/openssl@3.0.2"}`:                                                       false,
		`{"@id": "pkg:deb/debian/openssl?arch=arm64"}`:                                                  false,
		`{"@id": "pkg:oci/app@` + escaped + `", "subcomponents": [{"@id": "pkg:deb/debian/openssl"}]}`:  true,
		`{"@id": "pkg:oci/app@` + escaped + `", "subcomponents": [{"@id": "pkg:deb/debian/zlib"}]}`:     false,
		`{"@id": "pkg:oci/evil@` + escaped + `", "subcomponents": [{"@id": "pkg:deb/debian/openssl"}]}`: false,
		`{"@id": "pkg:deb/debian/openssl", "subcomponents": [{"@id": "pkg:deb/debian/openssl"}]}`:       false,
	} {
		d, err := vex.Parse([]byte(openVEX(`{"vulnerability": {"name": "CVE-1"}, "products": [` + product + `], "status": "fixed"}`)))
		require.NoError(t, err, product)
		require.Equal(t, want, d.Statements[0].About([]string{"GHSA-1", "CVE-1"}, image(), purl), product)
		require.False(t, d.Statements[0].About([]string{"CVE-2"}, image(), purl), product)
	}
	hub, err := vex.Parse([]byte(openVEX(`{"vulnerability": {"name": "CVE-1"}, "products": [{"@id": "pkg:oci/cache?repository_url=docker.io/library/cache"}], "status": "fixed"}`)))
	require.NoError(t, err)
	require.True(t, hub.Statements[0].About([]string{"CVE-1"}, vex.Image{Repository: "index.docker.io/library/cache"}, ""))
}

// A product by CPE is a distribution, and only with its packages.
func TestDistributionsByCPE(t *testing.T) {
	t.Parallel()
	d, err := vex.Parse([]byte(strings.ReplaceAll(csaf(`{"cve": "CVE-1", "product_status": {"fixed": ["OS:OPENSSL", "OS"]}}`),
		"cpe:/o:x:y", "cpe:/a:example:linux:8::appstream")))
	require.NoError(t, err)
	about := func(i int, cpe, purl string) bool {
		return d.Statements[i].About([]string{"CVE-1"}, vex.Image{CPE: cpe}, purl)
	}
	for cpe, want := range map[string]bool{
		"cpe:/o:example:linux:8::baseos": true, "cpe:/o:example:linux:8.6": true, "cpe:2.3:o:example:linux:8:*:*:*:*:*:*:*": true,
		"cpe:/o:example:linux:9": false, "cpe:/o:example:linux:80": false, "cpe:/o:other:linux:8": false, "cpe:/o:example:linux": false, "": false, "linux:8": false,
	} {
		require.Equal(t, want, about(0, cpe, purl), cpe)
	}
	require.False(t, about(0, "cpe:/o:example:linux:8", "pkg:deb/debian/zlib@1"))
	require.False(t, about(1, "cpe:/o:example:linux:8", purl), "a distribution as a whole is no package")
}

func TestOpenVEX(t *testing.T) {
	t.Parallel()
	d, err := vex.Parse([]byte(openVEX(`{"vulnerability": {"@id": "https://nvd.example.com/CVE-1", "name": "CVE-1", "aliases": ["GHSA-1"]}, "timestamp": "2026-11-02T00:00:00Z",
 "products": [{"@id": "pkg:deb/debian/openssl"}], "status": "not_affected", "justification": "vulnerable_code_not_in_execute_path", "impact_statement": "no TLS"}`)))
	require.NoError(t, err)
	require.Equal(t, "team-a", d.Author)
	s := d.Statements[0]
	require.Equal(t, vex.NotAffected, s.Status)
	require.Equal(t, "vulnerable_code_not_in_execute_path; no TLS", s.Reason)
	require.Equal(t, time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC), s.Time.UTC())
	require.True(t, s.About([]string{"GHSA-1"}, vex.Image{}, purl))
}

func TestCSAF(t *testing.T) {
	t.Parallel()
	for product, about := range map[string]bool{"APP": true, "OPENSSL": true, "APP:OPENSSL": true, "HASH": true, "OS": false, "OS:OPENSSL": false} {
		d, err := vex.Parse([]byte(csaf(`{"cve": "CVE-1", "product_status": {"fixed": ["` + product + `"]}}`)))
		require.NoError(t, err, product)
		require.Equal(t, vex.Fixed, d.Statements[0].Status)
		require.Equal(t, about, d.Statements[0].About([]string{"CVE-1"}, image(), purl), product)
	}
	d, err := vex.Parse([]byte(csaf(`{"ids": [{"text": "GHSA-1"}], "product_status": {"known_not_affected": ["APP:OPENSSL"], "known_affected": ["APP"], "recommended": ["OS"]},
 "flags": [{"label": "component_not_present", "group_ids": ["G"]}], "threats": [{"category": "impact", "details": "it is not there", "product_ids": ["APP:OPENSSL"]}]}`)))
	require.NoError(t, err)
	require.Len(t, d.Statements, 2)
	require.Equal(t, "component_not_present; it is not there", d.Statements[1].Reason)
	require.False(t, d.Statements[1].About([]string{"GHSA-1"}, image(), "pkg:deb/debian/zlib@1"))
	require.Equal(t, "vendor", d.Author)
}

func TestComplaints(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"":   "not a VEX document",
		"{}": "neither OpenVEX",
		openVEX(`{"vulnerability": {"name": "CVE-1"}, "status": "not_affected"}`):            "statement 1: either justification or impact statement",
		openVEX(`{"vulnerability": {"name": "CVE-1"}, "status": "harmless"}`):                `invalid status value "harmless"`,
		openVEX(`{"status": "fixed"}`):                                                       "names no vulnerability",
		`{"@context": "https://openvex.dev/ns", "statements": [{"vulnerability": "CVE-1"}]}`: "not an OpenVEX 0.2 document",
		`{"document": {"category": "csaf_security_advisory"}}`:                               "only csaf_vex",
		csaf(`{"cve": "CVE-1", "product_status": {"fixed": ["NONE"]}}`):                      `product "NONE", which is not in the product tree`,
		csaf(`{"cve": "CVE-1", "product_status": {"known_not_affected": ["APP"]}}`):          "no flag and no impact says why",
		csaf(`{"product_status": {}}`):                                                       "names no id",
		strings.Repeat(" ", vex.MaxBytes+1):                                                  "too large",
		strings.Repeat("[", 100_000):                                                         "exceeded max depth",
	} {
		_, err := vex.Parse([]byte(data))
		require.ErrorContains(t, err, want)
	}
	var many strings.Builder
	for i := range 100_001 {
		if i > 0 {
			many.WriteString(",")
		}
		fmt.Fprintf(&many, `{"vulnerability":{"name":"C"},"status":"fixed"}`)
	}
	_, err := vex.Parse([]byte(openVEX(many.String())))
	require.ErrorContains(t, err, "too many statements")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(openVEX(`{"vulnerability": {"name": "CVE-1"}, "products": [{"@id": "pkg:oci/app@sha256%3A00"}], "status": "fixed"}`)))
	f.Add([]byte(csaf(`{"cve": "CVE-1", "product_status": {"fixed": ["APP", "APP:OPENSSL"]}}`)))
	f.Add([]byte("{}"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		d, err := vex.Parse(data)
		if err != nil {
			return
		}
		for _, s := range d.Statements {
			s.About([]string{"CVE-1"}, image(), purl)
		}
	})
}
