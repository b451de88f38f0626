package vuln

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// osvRecord is what of an OSV record is stored (OSV schema 1.x).
type osvRecord struct {
	ID         string        `json:"id"`
	Published  string        `json:"published"`
	Modified   string        `json:"modified"`
	Withdrawn  string        `json:"withdrawn"`
	Aliases    []string      `json:"aliases"`
	Upstream   []string      `json:"upstream"`
	Summary    string        `json:"summary"`
	Details    string        `json:"details"`
	Severity   []osvSeverity `json:"severity"`
	Affected   []osvAffected `json:"affected"`
	References []struct {
		URL string `json:"url"`
	} `json:"references"`
	DatabaseSpecific struct {
		Severity string `json:"severity"`
	} `json:"database_specific"`
}

type osvSeverity struct {
	Type  string `json:"type"` // "CVSS_V2", "CVSS_V3", "CVSS_V4"
	Score string `json:"score"`
}

type osvAffected struct {
	Package struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
	} `json:"package"`
	Severity []osvSeverity `json:"severity"`
	Ranges   []osvRange    `json:"ranges"`
	Versions []string      `json:"versions"`
}

type osvRange struct {
	Type   string `json:"type"` // "SEMVER", "ECOSYSTEM" or "GIT"
	Events []struct {
		Introduced   string `json:"introduced"`
		Fixed        string `json:"fixed"`
		LastAffected string `json:"last_affected"`
	} `json:"events"`
	DatabaseSpecific struct {
		Anchore struct {
			Fixes []osvFix `json:"fixes"`
		} `json:"anchore"`
	} `json:"database_specific"`
}

// osvFix says since when a fixed version can be had. OSV has no member for it;
// this is grype's.
type osvFix struct {
	Version string `json:"version"`
	Date    string `json:"date"` // RFC 3339 or YYYY-MM-DD
	Kind    string `json:"kind"`
}

// storable returns the record in a form that grype's builder stores. Its builder
// reads OSV of a few databases only, by the beginning of the id, and drops the
// rest without an error; for those the record is written in another of its forms.
func (a advisory) storable() (advisory, error) {
	if !a.of("osv") || builtAsOSV(a.id) {
		return a, nil
	}
	var record osvRecord
	if err := json.Unmarshal(a.content, &record); err != nil {
		return advisory{}, err
	}
	return fromOSV(record)
}

// builtAsOSV says whether grype's builder has a reader for the OSV of a database.
func builtAsOSV(id string) bool {
	for _, prefix := range []string{"GO-", "BIT-", "ALSA-", "ROOT-", "CGA-"} {
		if strings.HasPrefix(id, prefix) {
			return true
		}
	}
	return false
}

// fromOSV writes an OSV record as a GitHub advisory where it is about packages of
// a language, and as a distribution's advisory where it is about packages of one
// release of a distribution.
//
// What cannot be stored is an error: ecosystems that grype has no matcher for,
// ranges of commits without versions, and one record for both kinds of packages.
// What is left out without harm: references but the addresses, credits, symbols
// (but of GO- records), and commits beside versions. Distributions compare fixed
// versions only, so a lower bound ("introduced") is refused there.
func fromOSV(record osvRecord) (advisory, error) {
	if len(record.Affected) == 0 {
		return advisory{}, errNothing
	}
	distributions := 0
	for _, affected := range record.Affected {
		if _, ok := distributionNamespace(affected.Package.Ecosystem); ok {
			distributions++
		}
	}
	switch distributions {
	case 0:
		return record.asGitHub()
	case len(record.Affected):
		return record.asDistribution()
	default:
		return advisory{}, errors.New("it names packages of a distribution and of a language: split it in two")
	}
}

// window is one stretch of affected versions; empty ends are open.
type window struct {
	from, before, last string
}

// windows reads the events of a range, which come in pairs (OSV schema,
// "affected[].ranges[].events").
func (r osvRange) windows() ([]window, error) {
	var found []window
	open := false
	var current window
	for _, event := range r.Events {
		switch {
		case event.Introduced != "":
			if open {
				return nil, errors.New("a range has two beginnings without an end between them")
			}
			open, current = true, window{}
			if event.Introduced != "0" {
				current.from = event.Introduced
			}
		case event.Fixed != "" || event.LastAffected != "":
			if !open {
				return nil, errors.New("a range ends before it begins")
			}
			current.before, current.last = event.Fixed, event.LastAffected
			found = append(found, current)
			open = false
		}
	}
	if open {
		found = append(found, current)
	}
	if len(found) == 0 {
		return nil, errors.New("a range has no events")
	}
	return found, nil
}

// available is when a version could first be had, by the range's own word.
func (r osvRange) available(version string) *availability {
	for _, fix := range r.DatabaseSpecific.Anchore.Fixes {
		if fix.Version == version {
			return &availability{Date: fix.Date, Kind: fix.Kind}
		}
	}
	return nil
}

// versioned are the ranges that speak of versions. A package that has commits
// only cannot be matched.
func (a osvAffected) versioned() ([]osvRange, error) {
	var ranges []osvRange
	for _, r := range a.Ranges {
		if r.Type != "GIT" {
			ranges = append(ranges, r)
		}
	}
	if len(ranges) == 0 && len(a.Versions) == 0 {
		return nil, fmt.Errorf("package %s: it has no versions, only commits or nothing", a.Package.Name)
	}
	return ranges, nil
}

// text is the description that is stored.
func (r osvRecord) text() string {
	if r.Summary != "" {
		return r.Summary
	}
	return r.Details
}

// aliases are the other ids of the vulnerability and those that it repeats.
func (r osvRecord) aliases() []string {
	return append(append([]string{}, r.Aliases...), r.Upstream...)
}

// vectors are the CVSS vectors of the record and of its packages.
func (r osvRecord) vectors() []string {
	severities := r.Severity
	for _, affected := range r.Affected {
		severities = append(severities, affected.Severity...)
	}
	var vectors []string
	seen := make(map[string]bool)
	for _, severity := range severities {
		if strings.HasPrefix(severity.Type, "CVSS_") && !seen[severity.Score] {
			seen[severity.Score] = true
			vectors = append(vectors, severity.Score)
		}
	}
	return vectors
}

// word is the severity in grype's words.
func (r osvRecord) word() string {
	word := strings.ToLower(r.DatabaseSpecific.Severity)
	switch word {
	case "moderate":
		return "medium"
	case "unimportant":
		return "negligible"
	default:
		return word
	}
}

func (r osvRecord) reference() string {
	if len(r.References) == 0 {
		return ""
	}
	return r.References[0].URL
}
