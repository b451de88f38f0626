package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
)

// object is a JSON object.
type object map[string]any

// publishDatabase builds a database from the demo's advisories and from records
// about the packages that syft finds in the images, so that every kind of matcher
// has something to find, and something to leave alone.
func (l *lab) publishDatabase(ctx context.Context, images []lens) (archive string, err error) {
	folder := filepath.Join(l.work, "advisories")
	if err := os.CopyFS(folder, os.DirFS(filepath.Join("examples", "demo", "advisories"))); err != nil {
		return "", err
	}
	made := &advisories{folder: folder, seen: map[string]bool{}}
	for _, v := range images {
		if v.notRun != "" {
			continue
		}
		document, err := l.syft(ctx, v)
		if err != nil {
			return "", err
		}
		for _, a := range document.Artifacts {
			if err := made.about(a, document.Distro.ID, document.Distro.VersionID); err != nil {
				return "", fmt.Errorf("making a record about %s: %w", a.Name, err)
			}
		}
	}
	fmt.Printf("building a database: %d records made\n", made.count)
	published := filepath.Join(l.work, "published")
	if _, err := l.must(ctx, l.gate, "db", "build", "--from", folder, "--archive", published); err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(published, "*.tar.*"))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%d archives were written", len(found))
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

// advisories makes records, each once. What a record says follows from the
// package's name, so that two runs make the same.
type advisories struct {
	folder string
	seen   map[string]bool
	count  int
}

// about makes the records about one package, three of a kind.
func (m *advisories) about(a artifact, distribution, release string) error {
	if a.Version == "" || m.seen[a.PURL+a.Name+a.Version] {
		return nil
	}
	m.seen[a.PURL+a.Name+a.Version] = true
	for n := range 3 {
		seed := seedOf(fmt.Sprint(n, a.Type, a.Name))
		var err error
		switch a.Type {
		case "deb", "apk", "rpm":
			err = m.distribution(a, distribution, release, seed)
		case "binary":
			err = m.product(a, seed)
		default:
			err = m.language(a, seed)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func seedOf(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // never fails
	return h.Sum64()
}

func pick(seed uint64, from ...string) string { return from[seed%uint64(len(from))] }

// distribution makes a distribution's record about the source of a package, and
// the record of NVD that it refers to.
func (m *advisories) distribution(a artifact, id, release string, seed uint64) error {
	format := map[string]string{"deb": "dpkg", "apk": "apk", "rpm": "rpm"}[a.Type]
	namespace := id + ":" + lineOf(a.Type, release)
	name := "CVE-" + fmt.Sprintf("%d-%d", 2000+seed%20, 100000+seed%800000)
	fix := object{
		"Name": sourceOf(a, seed), "NamespaceName": namespace, "VersionFormat": format,
		"Version":        pick(seed>>8, higher(a), "None", a.Version, "0", higher(a)),
		"VendorAdvisory": object{"NoAdvisory": seed>>16%3 == 0, "AdvisorySummary": []any{}},
	}
	if err := m.write(id, name, object{"Vulnerability": object{
		"Name": name, "NamespaceName": namespace, "Description": "", "Link": "https://example.com/" + name,
		"Severity": pick(seed>>4, "Critical", "High", "Medium", "Low", "Negligible", "Unknown"),
		"CVSS":     []any{}, "Metadata": object{}, "FixedIn": []any{fix},
	}}); err != nil {
		return err
	}
	return m.nvd(name, seed, nil)
}

// lineOf is the part of a release for which a distribution publishes advisories:
// Alpine's has two numbers, those of Debian and Red Hat one.
func lineOf(kind, release string) string {
	parts := strings.Split(release, ".")
	if kind == "apk" && len(parts) > 1 {
		return strings.Join(parts[:2], ".")
	}
	return parts[0]
}

// higher is a version above the installed one, in the manner of its format.
func higher(a artifact) string {
	switch a.Type {
	case "deb":
		return a.Version + "+parity1"
	case "apk":
		return a.Version + "0"
	default:
		return a.Version + ".1"
	}
}

// sourceOf is what the record is about: the package's source if it has one, or the
// binary package.
func sourceOf(a artifact, seed uint64) string {
	source := a.said("source") + a.said("originPackage")
	if rpm, _, found := strings.Cut(a.said("sourceRpm"), "-"+strings.SplitN(stripEpoch(a.Version), "-", 2)[0]); found {
		source = rpm
	}
	if source == "" || seed>>24%4 == 0 {
		return a.Name
	}
	return source
}

func stripEpoch(version string) string {
	if _, rest, found := strings.Cut(version, ":"); found {
		return rest
	}
	return version
}

// ecosystems by syft's types, in the words of OSV.
var ecosystems = map[string]string{
	"python": "PyPI", "npm": "npm", "java-archive": "Maven", "gem": "RubyGems", "go-module": "Go",
	"php-composer": "Packagist", "dotnet": "NuGet", "rust-crate": "crates.io", "dart-pub": "Pub", "swift": "SwiftURL",
}

// language makes an OSV record.
func (m *advisories) language(a artifact, seed uint64) error {
	ecosystem, ok := ecosystems[a.Type]
	if !ok {
		return nil
	}
	name := a.Name
	if a.Type == "java-archive" {
		name = mavenName(a)
	}
	id, alias := ghsa(seed), fmt.Sprintf("CVE-%d-%d", 2000+seed%20, 100000+seed%800000)
	if a.Type == "go-module" {
		id = fmt.Sprintf("GO-%d-%04d", 2000+seed%20, seed%10000)
	}
	events := []any{object{"introduced": "0"}}
	switch seed >> 8 % 4 {
	case 0: // not fixed
	case 1:
		events = append(events, object{"fixed": "0.0.0"})
	default:
		events = append(events, object{"fixed": "999.0.0"})
	}
	record := object{
		"schema_version": "1.6.0", "id": id, "aliases": []string{alias}, "modified": "2026-01-02T00:00:00Z", "published": "2026-01-01T00:00:00Z",
		"summary": "a vulnerability made for a comparison", "references": []any{object{"type": "WEB", "url": "https://example.com/" + id}},
		"database_specific": object{"severity": pick(seed>>4, "CRITICAL", "HIGH", "MODERATE", "LOW")},
		"affected": []any{object{
			"package": object{"ecosystem": ecosystem, "name": name},
			"ranges":  []any{object{"type": pick(0, "SEMVER", "ECOSYSTEM"), "events": events}},
		}},
	}
	if err := m.write("osv", id, record); err != nil {
		return err
	}
	return m.nvd(alias, seed, nil)
}

// mavenName is "group:artifact", by the package URL.
func mavenName(a artifact) string {
	parts := strings.Split(strings.TrimPrefix(strings.SplitN(a.PURL, "@", 2)[0], "pkg:maven/"), "/")
	return strings.Join(parts, ":")
}

func ghsa(seed uint64) string {
	const letters = "23456789cfghjmpqrvwx"
	id := []byte("GHSA-0000-0000-0000")
	for i := range id[5:] {
		if id[5+i] == '0' {
			id[5+i] = letters[seed%uint64(len(letters))]
			seed /= 7
		}
	}
	return string(id)
}

// product makes a record of NVD about the product that a CPE names.
func (m *advisories) product(a artifact, seed uint64) error {
	if len(a.CPEs) == 0 {
		return nil
	}
	fields := strings.Split(a.CPEs[0].Text, ":")
	if len(fields) < 6 {
		return nil
	}
	fields[5] = "*"
	affected := object{"vulnerable": true, "criteria": strings.Join(fields, ":"), "matchCriteriaId": "00000000-0000-0000-0000-000000000000"}
	if seed>>8%3 > 0 {
		affected["versionEndExcluding"] = pick(seed>>8%3, "0.0.1", "0.0.1", "9999.0")
	}
	return m.nvd(fmt.Sprintf("CVE-%d-%d", 2000+seed%20, 100000+seed%800000), seed, affected)
}

// nvd makes a record of NVD, with what is affected if that is known.
func (m *advisories) nvd(id string, seed uint64, affected object) error {
	vector, score, word := "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, "CRITICAL"
	if seed>>12%2 == 0 {
		vector, score, word = "CVSS:3.1/AV:L/AC:H/PR:L/UI:R/S:U/C:L/I:N/A:N", 2.2, "LOW"
	}
	cve := object{
		"id": id, "published": "2026-01-01T00:00:00.000", "lastModified": "2026-01-02T00:00:00.000", "vulnStatus": "Analyzed",
		"descriptions": []any{object{"lang": "en", "value": "a vulnerability made for a comparison"}},
		"references":   []any{object{"url": "https://example.com/" + id}}, "weaknesses": []any{},
		"metrics": object{"cvssMetricV31": []any{object{"source": "nvd@nist.gov", "type": "Primary", "cvssData": object{
			"version": "3.1", "vectorString": vector, "baseScore": score, "baseSeverity": word,
		}}}},
	}
	if affected != nil {
		cve["configurations"] = []any{object{"nodes": []any{object{"operator": "OR", "negate": false, "cpeMatch": []any{affected}}}}}
	}
	return m.write("nvd", id, object{"cve": cve})
}

// write puts a record into a provider's folder. A record that is there already
// stays.
func (m *advisories) write(provider, id string, record object) error {
	dir := filepath.Join(m.folder, provider)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file := filepath.Join(dir, id+".json")
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	data, err := json.Marshal(record)
	if err != nil {
		return err
	}
	m.count++
	return os.WriteFile(file, data, 0o644)
}
