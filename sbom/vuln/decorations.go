package vuln

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	v6 "github.com/anchore/grype/grype/db/v6"
	"gorm.io/gorm"
)

// decoration is what is known about a CVE beside its record.
type decoration struct {
	exploited bool // there is an entry of known exploitation
	epss      []v6.EpssHandle
}

// foreseeCVEs notes the names under which grype asks for scores: those that begin
// with CVE-, of the vulnerability, its record and its aliases.
func (s *shelf) foreseeCVEs(v *v6.VulnerabilityHandle) {
	names := []string{v.Name}
	if v.BlobValue != nil {
		names = append(append(names, v.BlobValue.ID), v.BlobValue.Aliases...)
	}
	for _, n := range names {
		cve := fold(n)
		if _, known := s.decorations[cve]; !known && strings.HasPrefix(cve, "cve-") {
			s.undecorated[cve] = true
		}
	}
}

// decorate reads what is known about a CVE, and about all others that came up.
func (s *shelf) decorate(cve string) (decoration, error) {
	cve = fold(cve)
	if known, ok := s.decorations[cve]; ok {
		return known, nil
	}
	s.undecorated[cve] = true
	read := make(map[string]decoration, len(s.undecorated))
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(s.undecorated)), maxValues) {
		if err := s.readDecorations(chunk, read); err != nil {
			return decoration{}, err
		}
	}
	for c := range s.undecorated {
		s.decorations[c] = read[c]
	}
	clear(s.undecorated)
	return s.decorations[cve], nil
}

func (s *shelf) readDecorations(cves []string, into map[string]decoration) error {
	var exploited []v6.KnownExploitedVulnerabilityHandle
	if err := s.direct.Where("cve COLLATE NOCASE IN ?", cves).Find(&exploited).Error; err != nil {
		return fmt.Errorf("reading known exploitation: %w", err)
	}
	var scores []v6.EpssHandle
	if err := s.direct.Where("cve COLLATE NOCASE IN ?", cves).Order("id").Find(&scores).Error; err != nil {
		return fmt.Errorf("reading EPSS scores: %w", err)
	}
	if len(scores) > 0 && s.epss.Date.IsZero() {
		err := s.direct.First(&s.epss).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			scores = nil // grype takes none that are of no day
		} else if err != nil {
			return fmt.Errorf("reading the day of the EPSS scores: %w", err)
		}
	}
	for _, e := range exploited {
		d := into[fold(e.Cve)]
		d.exploited = true
		into[fold(e.Cve)] = d
	}
	for _, e := range scores {
		e.Date = s.epss.Date
		d := into[fold(e.Cve)]
		d.epss = append(d.epss, e)
		into[fold(e.Cve)] = d
	}
	return nil
}

// GetKnownExploitedVulnerabilities implements v6.VulnerabilityDecoratorStoreReader.
// Few have an entry, and those are read one by one.
func (s *shelf) GetKnownExploitedVulnerabilities(cve string) ([]v6.KnownExploitedVulnerabilityHandle, error) {
	known, err := s.decorate(cve)
	if err != nil || !known.exploited {
		return nil, err
	}
	return s.Reader.GetKnownExploitedVulnerabilities(cve)
}

// GetEpss implements v6.VulnerabilityDecoratorStoreReader.
func (s *shelf) GetEpss(cve string) ([]v6.EpssHandle, error) {
	known, err := s.decorate(cve)
	return slices.Clone(known.epss), err
}

// GetCWEs implements v6.VulnerabilityDecoratorStoreReader: kinds of weaknesses are in
// no report, and so not read.
func (s *shelf) GetCWEs(string) ([]v6.CWEHandle, error) { return nil, nil }
