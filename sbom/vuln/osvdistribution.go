package vuln

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/imagegate/imagegate/sbom"
)

// distributions are the distributions of OSV that grype matches, with the format
// of their versions.
var distributions = map[string]string{
	"Alpine": "apk",
	"Debian": "dpkg",
	"Ubuntu": "dpkg",
}

// distributionAdvisory is a distribution's record as grype's builder reads it.
type distributionAdvisory struct {
	Vulnerability struct {
		Name          string             `json:"Name"`
		NamespaceName string             `json:"NamespaceName"`
		Description   string             `json:"Description"`
		Severity      string             `json:"Severity"`
		Link          string             `json:"Link"`
		FixedIn       []distributionFix  `json:"FixedIn"`
		CVSS          []distributionCVSS `json:"CVSS"`
		Metadata      struct {
			Issued  string            `json:"Issued"`
			Updated string            `json:"Updated"`
			CVE     []distributionCVE `json:"CVE"`
		} `json:"Metadata"`
	} `json:"Vulnerability"`
}

type distributionCVE struct {
	Name string `json:"Name"`
}

type distributionCVSS struct {
	Vector  string `json:"vector_string"`
	Version string `json:"version"`
}

type distributionFix struct {
	Name          string                    `json:"Name"`
	NamespaceName string                    `json:"NamespaceName"`
	Version       string                    `json:"Version"` // "None" where there is no fix
	VersionFormat string                    `json:"VersionFormat"`
	Available     *distributionAvailability `json:"Available,omitempty"`
}

type distributionAvailability struct {
	Date string `json:"Date"`
	Kind string `json:"Kind"`
}

// asDistribution writes a record about packages of one or more releases of
// distributions.
func (r osvRecord) asDistribution() (advisory, error) {
	if r.Withdrawn != "" {
		return advisory{}, errors.New("it is withdrawn: remove it, since a distribution's advisory cannot be stored as withdrawn")
	}
	var out distributionAdvisory
	v := &out.Vulnerability
	v.Name, v.Description, v.Severity, v.Link = r.ID, r.text(), r.word(), r.reference()
	v.Metadata.Issued, v.Metadata.Updated = r.Published, r.Modified
	for _, alias := range r.aliases() {
		v.Metadata.CVE = append(v.Metadata.CVE, distributionCVE{alias})
	}
	for _, vector := range r.vectors() {
		score, err := sbom.NewScore("", vector)
		if err != nil {
			return advisory{}, err
		}
		v.CVSS = append(v.CVSS, distributionCVSS{Vector: score.Vector, Version: score.Version})
	}
	for _, affected := range r.Affected {
		fix, err := affected.distributionFix()
		if err != nil {
			return advisory{}, err
		}
		v.FixedIn = append(v.FixedIn, fix)
	}
	v.NamespaceName = v.FixedIn[0].NamespaceName
	content, err := json.Marshal(out)
	return advisory{schema: schemaOS, id: r.ID, content: content}, err
}

func (a osvAffected) distributionFix() (distributionFix, error) {
	if err := nonEmpty("name", a.Package.Name); err != nil {
		return distributionFix{}, err
	}
	namespace, _ := distributionNamespace(a.Package.Ecosystem)
	name, _, _ := strings.Cut(a.Package.Ecosystem, ":")
	ranges, err := a.versioned()
	if err != nil {
		return distributionFix{}, err
	}
	if len(ranges) != 1 {
		return distributionFix{}, fmt.Errorf("package %s: a distribution's advisory has one range of versions", a.Package.Name)
	}
	windows, err := ranges[0].windows()
	if err != nil {
		return distributionFix{}, fmt.Errorf("package %s: %w", a.Package.Name, err)
	}
	if len(windows) != 1 || windows[0].from != "" || windows[0].last != "" {
		return distributionFix{}, fmt.Errorf("package %s: a distribution's advisory affects all versions before the fixed one, or all", a.Package.Name)
	}
	if err := checkVersions(distributions[name], windows[0].before); err != nil {
		return distributionFix{}, fmt.Errorf("package %s: %w", a.Package.Name, err)
	}
	fix := distributionFix{Name: a.Package.Name, NamespaceName: namespace, Version: "None", VersionFormat: distributions[name]}
	if windows[0].before != "" {
		fix.Version = windows[0].before
	}
	if available := ranges[0].available(fix.Version); available != nil {
		fix.Available = &distributionAvailability{Date: available.Date, Kind: available.Kind}
	}
	return fix, nil
}

// distributionNamespace writes OSV's "Debian:12" or "Alpine:v3.20" as grype's
// "debian:12" or "alpine:3.20". Ubuntu's may carry a suffix ("Ubuntu:24.04:LTS").
func distributionNamespace(ecosystem string) (string, bool) {
	parts := strings.Split(ecosystem, ":")
	if _, known := distributions[parts[0]]; !known || len(parts) < 2 {
		return "", false
	}
	return strings.ToLower(parts[0]) + ":" + strings.TrimPrefix(parts[1], "v"), true
}
