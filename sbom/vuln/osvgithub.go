package vuln

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/anchore/grype/grype/version"

	"github.com/imagegate/imagegate/sbom"
)

// languages are the ecosystems of OSV that grype matches, in the words of the
// GitHub schema, which are also the names of version formats.
var languages = map[string]string{
	"Go":        "go",
	"Hex":       "hex",
	"Maven":     "maven",
	"NuGet":     "nuget",
	"Packagist": "composer",
	"Pub":       "pub",
	"PyPI":      "python",
	"RubyGems":  "gem",
	"SwiftURL":  "swift",
	"crates.io": "cargo",
	"npm":       "npm",
}

// gitHubAdvisory is GitHub's record as grype's builder reads it.
type gitHubAdvisory struct {
	Advisory struct {
		ID             string            `json:"ghsaId"`
		CVE            []string          `json:"CVE"`
		Summary        string            `json:"Summary"`
		Severity       string            `json:"Severity"`
		CVSSSeverities []gitHubSeverity  `json:"cvss_severities"`
		FixedIn        []gitHubFix       `json:"FixedIn"`
		URL            string            `json:"url"`
		Published      string            `json:"published"`
		Updated        string            `json:"updated"`
		Withdrawn      string            `json:"withdrawn"`
		References     []gitHubReference `json:"references"`
	} `json:"Advisory"`
}

type gitHubSeverity struct {
	Vector  string `json:"vector"`
	Version string `json:"version"`
}

type gitHubReference struct {
	URL string `json:"url"`
}

type gitHubFix struct {
	Ecosystem  string        `json:"ecosystem"`
	Name       string        `json:"name"`
	Range      string        `json:"range"`
	Identifier string        `json:"identifier"` // the fixed version
	Available  *availability `json:"available,omitempty"`
}

type availability struct {
	Date string `json:"date"`
	Kind string `json:"kind"`
}

// asGitHub writes a record about packages of languages.
func (r osvRecord) asGitHub() (advisory, error) {
	var out gitHubAdvisory
	a := &out.Advisory
	a.ID, a.CVE, a.Summary, a.Severity = r.ID, r.aliases(), r.text(), r.word()
	a.Published, a.Updated, a.Withdrawn, a.URL = r.Published, r.Modified, r.Withdrawn, r.reference()
	for _, reference := range r.References {
		a.References = append(a.References, gitHubReference{reference.URL})
	}
	for _, vector := range r.vectors() {
		score, err := sbom.NewScore("", vector)
		if err != nil {
			return advisory{}, err
		}
		a.CVSSSeverities = append(a.CVSSSeverities, gitHubSeverity{Vector: score.Vector, Version: score.Version})
	}
	for _, affected := range r.Affected {
		fixes, err := affected.gitHubFixes()
		if err != nil {
			return advisory{}, err
		}
		a.FixedIn = append(a.FixedIn, fixes...)
	}
	content, err := json.Marshal(out)
	return advisory{schema: schemaGitHub, id: r.ID, content: content}, err
}

// gitHubFixes are the stretches of one package's versions. Versions that are
// listed one by one count only where no range says more.
func (a osvAffected) gitHubFixes() ([]gitHubFix, error) {
	ecosystem, ok := languages[a.Package.Ecosystem]
	if !ok {
		return nil, fmt.Errorf("package %s: ecosystem %q cannot be matched", a.Package.Name, a.Package.Ecosystem)
	}
	if err := nonEmpty("name", a.Package.Name); err != nil {
		return nil, err
	}
	ranges, err := a.versioned()
	if err != nil {
		return nil, err
	}
	var fixes []gitHubFix
	for _, r := range ranges {
		windows, err := r.windows()
		if err != nil {
			return nil, fmt.Errorf("package %s: %w", a.Package.Name, err)
		}
		for _, w := range windows {
			if err := checkVersions(ecosystem, w.from, w.before, w.last); err != nil {
				return nil, fmt.Errorf("package %s: %w", a.Package.Name, err)
			}
			fixes = append(fixes, gitHubFix{
				Ecosystem: ecosystem, Name: a.Package.Name,
				Range: w.constraint(), Identifier: w.before, Available: r.available(w.before),
			})
		}
	}
	if len(fixes) > 0 {
		return fixes, nil
	}
	for _, listed := range a.Versions {
		if err := checkVersions(ecosystem, listed); err != nil {
			return nil, fmt.Errorf("package %s: %w", a.Package.Name, err)
		}
		fixes = append(fixes, gitHubFix{Ecosystem: ecosystem, Name: a.Package.Name, Range: "= " + listed})
	}
	return fixes, nil
}

// checkVersions refuses versions that grype would compare by guessing, or that would
// change the meaning of the range that they are written into.
func checkVersions(format string, versions ...string) error {
	for _, candidate := range versions {
		if strings.ContainsAny(candidate, "<>=|,() \t\n") {
			return fmt.Errorf("%q is no version", candidate)
		}
		known := version.ParseFormat(format)
		if candidate == "" || known == version.UnknownFormat {
			continue
		}
		if err := version.New(candidate, known).Validate(); err != nil {
			return fmt.Errorf("%q is no version: %w", candidate, err)
		}
	}
	return nil
}

// constraint writes a window as grype's version ranges are written; no bound at
// all is the empty constraint, which every version meets.
func (w window) constraint() string {
	var bounds []string
	if w.from != "" {
		bounds = append(bounds, ">= "+w.from)
	}
	if w.before != "" {
		bounds = append(bounds, "< "+w.before)
	}
	if w.last != "" {
		bounds = append(bounds, "<= "+w.last)
	}
	return strings.Join(bounds, ", ")
}
