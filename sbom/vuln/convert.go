package vuln

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/match"
	"github.com/anchore/grype/grype/pkg"
	"github.com/anchore/grype/grype/version"
	"github.com/anchore/grype/grype/vulnerability"

	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/catalog"
)

const (
	maxDescription = 1024 // bytes of a description that are carried
	maxPaths       = 8    // paths of one vulnerable package that are carried
)

// conversion turns grype's matches into plain values. Related records are asked
// for once each, since every binary package of one source names the same.
type conversion struct {
	provider vulnerability.Provider
	records  map[[2]string]*vulnerability.Metadata // by id and namespace
}

func newConversion(provider vulnerability.Provider) *conversion {
	return &conversion{provider: provider, records: make(map[[2]string]*vulnerability.Metadata)}
}

// all converts the matches and merges those that differ only in where the
// package lies.
func (c *conversion) all(matches *match.Matches) ([]sbom.Vulnerability, error) {
	found := []sbom.Vulnerability{}
	if matches == nil {
		return found, nil
	}
	for _, m := range matches.Sorted() {
		converted, err := c.one(m)
		if err != nil {
			return nil, err
		}
		found = append(found, converted)
	}
	slices.SortStableFunc(found, compare)
	return merge(found), nil
}

func compare(a, b sbom.Vulnerability) int {
	return cmp.Or(
		strings.Compare(a.ID, b.ID),
		strings.Compare(a.Package, b.Package),
		strings.Compare(a.Version, b.Version),
		strings.Compare(a.Type, b.Type),
		strings.Compare(a.Namespace, b.Namespace),
	)
}

// merge joins equal neighbours of a sorted list.
func merge(sorted []sbom.Vulnerability) []sbom.Vulnerability {
	merged := sorted[:0]
	for _, next := range sorted {
		if last := len(merged) - 1; last >= 0 && compare(merged[last], next) == 0 {
			merged[last].Paths = limitPaths(append(merged[last].Paths, next.Paths...))
			continue
		}
		merged = append(merged, next)
	}
	return merged
}

func (c *conversion) one(m match.Match) (sbom.Vulnerability, error) {
	own := m.Vulnerability.Metadata
	if own == nil {
		return sbom.Vulnerability{}, fmt.Errorf("%s: its record cannot be read", m.Vulnerability.ID)
	}
	records := []*vulnerability.Metadata{own}
	for _, reference := range m.Vulnerability.RelatedVulnerabilities {
		related, err := c.record(reference)
		if err != nil {
			return sbom.Vulnerability{}, fmt.Errorf("%s: reading related %s: %w", m.Vulnerability.ID, reference.ID, err)
		}
		records = append(records, related)
	}
	v := sbom.Vulnerability{
		ID:          m.Vulnerability.ID,
		Aliases:     aliasesOf(m.Vulnerability),
		Package:     m.Package.Name,
		Version:     m.Package.Version,
		Type:        string(m.Package.Type),
		PURL:        m.Package.PURL,
		Paths:       pathsOf(m.Package),
		Namespace:   m.Vulnerability.Namespace,
		Severity:    severityWord(own.Severity),
		Scores:      scoresOf(records),
		FixState:    fixState(m.Vulnerability.Fix),
		DataSource:  own.DataSource,
		Description: describe(records),
	}
	if score, ok := sbom.Choose(v.Scores); ok {
		v.CVSS, v.Vector, v.ScoreSource = &score.Base, score.Vector, score.Source
	}
	v.KEV, v.EPSS = exploitation(records)
	v.FixedIn, v.FixDate = fixes(m.Package, m.Vulnerability.Fix)
	return v, nil
}

// record reads the record of a reference. One that the database does not have
// comes back without scores.
func (c *conversion) record(reference vulnerability.Reference) (*vulnerability.Metadata, error) {
	key := [2]string{reference.ID, reference.Namespace}
	if known := c.records[key]; known != nil {
		return known, nil
	}
	//nolint:staticcheck // deprecated for the matched record, but the only way to a related one
	metadata, err := c.provider.VulnerabilityMetadata(reference)
	if err != nil {
		return nil, err
	}
	if metadata == nil {
		metadata = &vulnerability.Metadata{ID: reference.ID, Namespace: reference.Namespace}
	}
	c.records[key] = metadata
	return metadata, nil
}

// aliasesOf are the other names of a vulnerability, those of its record and
// those of the advisory for the package.
func aliasesOf(v vulnerability.Vulnerability) []string {
	var aliases []string
	for _, related := range v.RelatedVulnerabilities {
		aliases = append(aliases, related.ID)
	}
	if handle, ok := v.Internal.(*v6.VulnerabilityHandle); ok && handle != nil && handle.BlobValue != nil {
		aliases = append(aliases, handle.BlobValue.Aliases...)
	}
	aliases = slices.DeleteFunc(aliases, func(alias string) bool { return alias == v.ID || alias == "" })
	if len(aliases) == 0 {
		return nil
	}
	slices.Sort(aliases)
	return slices.Compact(aliases)
}

// pathsOf are the files that a package was read from, or, where the catalogers do
// not say which those are, all that belong to it.
func pathsOf(p pkg.Package) []string {
	var primary, all []string
	for _, location := range p.Locations.ToSlice() {
		all = append(all, location.RealPath)
		if catalog.Primary(location) {
			primary = append(primary, location.RealPath)
		}
	}
	if len(primary) > 0 {
		return limitPaths(primary)
	}
	return limitPaths(all)
}

func limitPaths(paths []string) []string {
	slices.Sort(paths)
	paths = slices.Compact(paths)
	return paths[:min(len(paths), maxPaths)]
}

func severityWord(word string) string {
	switch word = strings.ToLower(word); word {
	case sbom.SeverityNegligible, sbom.SeverityLow, sbom.SeverityMedium, sbom.SeverityHigh, sbom.SeverityCritical:
		return word
	default:
		return sbom.SeverityUnknown
	}
}

// exploitation is what is known about use of the vulnerability under any of its
// names; of several probabilities, the highest.
func exploitation(records []*vulnerability.Metadata) (kev bool, epss *float64) {
	for _, r := range records {
		kev = kev || len(r.KnownExploited) > 0
		for _, estimate := range r.EPSS {
			if epss == nil || estimate.EPSS > *epss {
				probability := estimate.EPSS
				epss = &probability
			}
		}
	}
	return kev, epss
}

// describe is the first description that a record has.
func describe(records []*vulnerability.Metadata) string {
	for _, r := range records {
		if text := strings.TrimSpace(r.Description); text != "" {
			return shorten(strings.ToValidUTF8(text, "\uFFFD"))
		}
	}
	return ""
}

func shorten(text string) string {
	if len(text) <= maxDescription {
		return text
	}
	end := maxDescription - len("…")
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

func fixState(fix vulnerability.Fix) string {
	switch fix.State {
	case vulnerability.FixStateFixed, vulnerability.FixStateNotFixed, vulnerability.FixStateWontFix:
		return string(fix.State)
	default: // also the empty state, which a record without an end has
		return sbom.FixUnknown
	}
}

// fixes are the versions that would help this package, in order, and the day on
// which the first of them could be had. An advisory names one version for every
// line of releases; those below the installed one belong to other lines.
func fixes(p pkg.Package, fix vulnerability.Fix) (versions []string, published *time.Time) {
	format := pkg.VersionFormat(p)
	installed := version.New(p.Version, format)
	helps := func(candidate string) bool {
		order, err := version.New(candidate, format).Compare(installed)
		return err != nil || order > 0
	}
	versions = slices.DeleteFunc(slices.Clone(fix.Versions), func(v string) bool { return v == "" || !helps(v) })
	slices.SortStableFunc(versions, func(a, b string) int {
		order, err := version.New(a, format).Compare(version.New(b, format))
		if err != nil {
			return strings.Compare(a, b)
		}
		return order
	})
	for _, available := range fix.Available {
		if available.Date.IsZero() || !helps(available.Version) {
			continue
		}
		if day := available.Date.UTC(); published == nil || day.Before(*published) {
			published = &day
		}
	}
	if len(versions) == 0 {
		return nil, published
	}
	return slices.Compact(versions), published
}
