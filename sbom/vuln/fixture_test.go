package vuln_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/catalog"
	"github.com/imagegate/imagegate/sbom/vuln"
)

// built is the build time of the databases of these tests; later(n) is n days after it.
var built = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func later(days int) time.Time { return built.AddDate(0, 0, days) }

// advisories are the records of the small database: invented vulnerabilities of
// invented packages.
var advisories = map[string]string{
	// The distribution says "unimportant", NVD says 9.8.
	"debian/CVE-2024-10001.json": `{"Vulnerability": {"Name": "CVE-2024-10001", "NamespaceName": "debian:12", "Severity": "Negligible",
		"Link": "https://security.example.com/CVE-2024-10001",
		"FixedIn": [{"Name": "libsample", "NamespaceName": "debian:12", "Version": "None", "VersionFormat": "dpkg", "VendorAdvisory": {"NoAdvisory": true}}]}}`,
	"debian/CVE-2024-10002.json": `{"Vulnerability": {"Name": "CVE-2024-10002", "NamespaceName": "debian:12", "Severity": "Unknown",
		"FixedIn": [{"Name": "libsample", "NamespaceName": "debian:12", "Version": "1.2.0-3", "VersionFormat": "dpkg",
			"Available": {"Date": "2026-02-10", "Kind": "first-observed"}}]}}`,
	"alpine/CVE-2024-10003.json": `{"Vulnerability": {"Name": "CVE-2024-10003", "NamespaceName": "alpine:3.20", "Severity": "High",
		"FixedIn": [{"Name": "sample", "NamespaceName": "alpine:3.20", "Version": "2.0-r1", "VersionFormat": "apk"}]}}`,
	"nvd/all.jsonl": nvd("CVE-2024-10001", "Primary", "nvd@nist.gov", "3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H") + "\n" +
		nvd("CVE-2024-10002", "Secondary", "cna@example.com", "3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L") + "\n" +
		nvd("CVE-2024-10004", "Primary", "nvd@nist.gov", "3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"),
	// The Go vulnerability database gives no severity: NVD's fills in.
	"go/GO-2024-9001.json": `{"id": "GO-2024-9001", "aliases": ["CVE-2024-10004", "GHSA-aaaa-bbbb-cccc"], "modified": "2026-01-01T00:00:00Z",
		"published": "2026-01-01T00:00:00Z", "details": "a made up flaw",
		"affected": [{"package": {"ecosystem": "Go", "name": "example.com/sample/mod"},
			"ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.4.0"}]}]}]}`,
	"github/GHSA-dddd-eeee-ffff.json": `{"Advisory": {"ghsaId": "GHSA-dddd-eeee-ffff", "CVE": ["CVE-2024-10005"], "Severity": "Medium", "Summary": "made up too",
		"url": "https://advisories.example.com/GHSA-dddd-eeee-ffff", "published": "2026-01-02T00:00:00Z", "updated": "2026-01-02T00:00:00Z",
		"cvss_severities": [{"vector": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:L/SC:N/SI:N/SA:N", "version": "4.0"}],
		"FixedIn": [{"ecosystem": "python", "name": "sample-lib", "namespace": "github:python", "range": ">= 1.0, < 2.3", "identifier": "2.3",
			"available": {"date": "2026-01-20", "kind": "advisory"}},
			{"ecosystem": "python", "name": "sample-lib", "namespace": "github:python", "range": ">= 0.1, < 0.9", "identifier": "0.9",
			"available": {"date": "2020-01-20", "kind": "advisory"}}]}}`,
	"epss/epss.jsonl": `{"cve": "CVE-2024-10002", "epss": 0.25, "percentile": 0.9, "date": "2026-02-28"}
{"cve": "CVE-2024-10005", "epss": 0.5, "percentile": 0.95, "date": "2026-02-28"}`,
	"kev/catalogue.json": `{"catalogVersion": "2026.02.28", "vulnerabilities": [
		{"cveID": "CVE-2024-10005", "vendorProject": "Sample", "product": "lib", "vulnerabilityName": "x", "dateAdded": "2026-02-01", "dueDate": "2026-02-20"}]}`,
	// An advisory of one's own.
	"acme/ACME-2026-1.json": `{"id": "ACME-2026-1", "modified": "2026-02-01T00:00:00Z", "summary": "do not use", "database_specific": {"severity": "CRITICAL"},
		"affected": [{"package": {"ecosystem": "PyPI", "name": "sample-lib"},
			"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "2.0"}, {"fixed": "2.2"}],
				"database_specific": {"anchore": {"fixes": [{"version": "2.2", "date": "2026-02-02", "kind": "advisory"}]}}}]}]}`,
}

func nvd(id, kind, source, version, vector string) string {
	return fmt.Sprintf(`{"cve": {"id": %q, "published": "2026-01-01T00:00:00.000", "vulnStatus": "Analyzed",
		"descriptions": [{"lang": "en", "value": "described by NVD"}], "references": [],
		"metrics": {"cvssMetricV31": [{"source": %q, "type": %q, "cvssData": {"version": %q, "vectorString": %q, "baseScore": 1.0, "baseSeverity": "LOW"}}]}}}`,
		id, source, kind, version, vector)
}

// writeAdvisories makes a folder of advisories.
func writeAdvisories(t testing.TB, files ...map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for _, group := range files {
		for name, content := range group {
			path := filepath.Join(root, filepath.FromSlash(name))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		}
	}
	return root
}

// small is a database directory with the records of advisories, built once.
var small = sync.OnceValues(func() (string, error) {
	directory := filepath.Join(shared, "small")
	return directory, build(vuln.BuildOptions{Directory: directory, Built: built})
})

// shared is a folder for what several tests only read.
var shared string

func TestMain(m *testing.M) {
	var err error
	if shared, err = os.MkdirTemp("", "vuln-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := os.RemoveAll(shared); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// build builds the records of advisories.
func build(options vuln.BuildOptions) error {
	folder, err := os.MkdirTemp(shared, "advisories-")
	if err != nil {
		return err
	}
	for name, content := range advisories {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return err
		}
	}
	options.Advisories = folder
	_, err = vuln.Build(context.Background(), options)
	return err
}

// smallDirectory is a copy of the small database directory, to do anything with.
func smallDirectory(t testing.TB) string {
	t.Helper()
	template, err := small()
	require.NoError(t, err)
	directory := filepath.Join(t.TempDir(), "db")
	require.NoError(t, os.CopyFS(directory, os.DirFS(template)))
	return directory
}

// buildDirectory makes a database directory with other records.
func buildDirectory(t testing.TB, at time.Time, files ...map[string]string) string {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "db")
	_, err := vuln.Build(t.Context(), vuln.BuildOptions{Advisories: writeAdvisories(t, files...), Directory: directory, Built: at})
	require.NoError(t, err)
	return directory
}

// published are the archives that buildArchive has made, by build time.
var published struct {
	sync.Mutex
	at map[time.Time]*vuln.Built
}

// buildArchive returns a folder to serve, with the small database in an archive.
// It is shared: tests only read it.
func buildArchive(t testing.TB, at time.Time) *vuln.Built {
	t.Helper()
	published.Lock()
	defer published.Unlock()
	if made := published.at[at]; made != nil {
		return made
	}
	folder, err := os.MkdirTemp(shared, "published-")
	require.NoError(t, err)
	made, err := vuln.Build(t.Context(), vuln.BuildOptions{
		Advisories: writeAdvisories(t, advisories), Publish: filepath.Join(folder, "v6"), Built: at,
	})
	require.NoError(t, err)
	if published.at == nil {
		published.at = make(map[time.Time]*vuln.Built)
	}
	published.at[at] = made
	return made
}

func open(t testing.TB, path string) *vuln.Database {
	t.Helper()
	database, err := vuln.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Close()) })
	return database
}

func installedAt(t testing.TB, directory string) time.Time {
	t.Helper()
	status := vuln.Inspect(directory)
	require.NoError(t, status.Err)
	return status.Database.Built
}

const (
	debian12  = `{"id": "debian", "versionID": "12", "prettyName": "Debian 12", "versionCodename": "bookworm", "name": "Debian"}`
	alpine320 = `{"id": "alpine", "versionID": "3.20.1", "prettyName": "Alpine 3.20", "name": "Alpine Linux"}`
)

// document makes a document from artifacts in syft's JSON; distribution may be empty.
func document(t testing.TB, distribution string, artifacts ...string) *sbom.Document {
	t.Helper()
	if distribution == "" {
		distribution = "{}"
	}
	decoded, err := catalog.Decode(strings.NewReader(syftJSON(distribution, artifacts...)))
	require.NoError(t, err)
	return decoded
}

func syftJSON(distribution string, artifacts ...string) string {
	return `{"artifacts": [` + strings.Join(artifacts, ",") + `], "artifactRelationships": [], "distro": ` + distribution + `,
		"source": {"id": "s", "name": "sample", "version": "1", "type": "directory", "metadata": {"path": "/"}},
		"descriptor": {"name": "syft", "version": "1"}, "schema": {"version": "16.1.0", "url": "raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.1.0.json"}}`
}

func deb(name, version, source string) string {
	return fmt.Sprintf(`{"id": "deb-%[1]s", "name": %[1]q, "version": %[2]q, "type": "deb", "foundBy": "dpkg-db-cataloger",
		"locations": [{"path": "/var/lib/dpkg/status", "accessPath": "/var/lib/dpkg/status"}], "licenses": [], "language": "", "cpes": [],
		"purl": "pkg:deb/debian/%[1]s@%[2]s", "metadataType": "dpkg-db-entry",
		"metadata": {"package": %[1]q, "source": %[3]q, "version": %[2]q, "sourceVersion": "", "architecture": "amd64", "maintainer": "", "installedSize": 1, "files": [{"path": "/usr/lib/python3/dist-packages/owned.egg-info", "isConfigFile": false}]}}`,
		name, version, source)
}

func apk(name, version string) string {
	return fmt.Sprintf(`{"id": "apk-%[1]s", "name": %[1]q, "version": %[2]q, "type": "apk", "foundBy": "apk-db-cataloger",
		"locations": [{"path": "/lib/apk/db/installed"}], "licenses": [], "language": "", "cpes": [], "purl": "pkg:apk/alpine/%[1]s@%[2]s",
		"metadataType": "apk-db-entry", "metadata": {"package": %[1]q, "originPackage": %[1]q, "version": %[2]q, "architecture": "x86_64", "files": []}}`,
		name, version)
}

func python(name, version, path string) string {
	return fmt.Sprintf(`{"id": "py-%[1]s-%[4]s", "name": %[1]q, "version": %[2]q, "type": "python", "foundBy": "python-installed-package-cataloger",
		"locations": [{"path": %[3]q, "accessPath": %[3]q}], "licenses": [], "language": "python", "cpes": [], "purl": "pkg:pypi/%[1]s@%[2]s",
		"metadataType": "python-package", "metadata": {"name": %[1]q, "version": %[2]q, "author": "", "authorEmail": "", "platform": "", "sitePackagesRootPath": "/usr"}}`,
		name, version, path, strings.ReplaceAll(path, "/", "-"))
}

func goModule(name, version string) string {
	return fmt.Sprintf(`{"id": "go-%[1]s", "name": %[1]q, "version": %[2]q, "type": "go-module", "foundBy": "go-module-binary-cataloger",
		"locations": [{"path": "/app"}], "licenses": [], "language": "go", "cpes": [], "purl": "pkg:golang/%[1]s@%[2]s",
		"metadataType": "go-module-buildinfo-entry", "metadata": {"goCompiledVersion": "go1.24.0", "architecture": "amd64", "mainModule": "example.com/app"}}`,
		name, version)
}
