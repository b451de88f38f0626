package sbom

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	cvss2 "github.com/pandatix/go-cvss/20"
	cvss30 "github.com/pandatix/go-cvss/30"
	cvss31 "github.com/pandatix/go-cvss/31"
	cvss4 "github.com/pandatix/go-cvss/40"
)

// Sources of a Score, from the one that knows the package best. The order is the
// order of Choose.
const (
	// ScoreVendor is the source that matched: a distribution or an ecosystem.
	ScoreVendor = "vendor"
	// ScoreNVD is the analysis of the U.S. National Vulnerability Database.
	ScoreNVD = "nvd"
	// ScoreGHSA is the GitHub Advisory Database.
	ScoreGHSA = "ghsa"
	// ScoreCNA is whoever assigned the CVE or enriched its record, as NVD quotes
	// them beside its own analysis.
	ScoreCNA = "cna"
)

// Choose picks the score that counts: the newest version of CVSS first (4.0,
// 3.1, 3.0, 2.0), then by source (vendor, NVD, GHSA, CNA). Where one source gave
// several scores of one version, the highest counts, since it cannot be known
// which of them describes this package.
//
// Base scores and versions are taken from the vectors, whatever the values say.
// An invalid vector is dropped: it says nothing, and nothing is not zero. Choose
// is false where no valid score is left, which means that nobody scored.
//
// A score is not a verdict: a distribution that calls a vulnerability unimportant
// says so in Vulnerability.Severity, and which of the two counts is the policy's
// choice.
func Choose(scores []Score) (Score, bool) {
	var best Score
	found := false
	for _, candidate := range scores {
		valid, err := NewScore(candidate.Source, candidate.Vector)
		if err != nil {
			continue
		}
		if !found || compareScores(valid, best) > 0 {
			best, found = valid, true
		}
	}
	return best, found
}

// compareScores is positive where a counts before b. Vectors come last, so that
// the choice does not depend on the order in which a database returns its rows.
func compareScores(a, b Score) int {
	return cmp.Or(
		strings.Compare(a.Version, b.Version),
		cmp.Compare(sourceRank(b.Source), sourceRank(a.Source)),
		cmp.Compare(a.Base, b.Base),
		strings.Compare(a.Vector, b.Vector),
	)
}

// sourceRank is the place of a source in the order of Choose; unknown ones come last.
func sourceRank(source string) int {
	switch source {
	case ScoreVendor:
		return 0
	case ScoreNVD:
		return 1
	case ScoreGHSA:
		return 2
	case ScoreCNA:
		return 3
	default:
		return 4
	}
}

// NewScore computes the base score of a vector (FIRST CVSS v2.0 to v4.0). The
// version is the vector's own. Threat, temporal, environmental and supplemental
// metrics are left out of the score: they describe somebody's circumstances, not
// the vulnerability.
func NewScore(source, vector string) (Score, error) {
	vector = strings.TrimSpace(vector)
	version, base, err := baseScore(vector)
	if err != nil {
		return Score{}, fmt.Errorf("computing the score of %q: %w", vector, err)
	}
	if base < 0 || base > 10 || math.IsNaN(base) {
		return Score{}, fmt.Errorf("computing the score of %q: %v is no base score", vector, base)
	}
	return Score{Source: source, Version: version, Vector: vector, Base: math.Round(base*10) / 10}, nil
}

func baseScore(vector string) (version string, base float64, err error) {
	switch {
	case strings.HasPrefix(vector, "CVSS:4.0/"):
		return base4(vector)
	case strings.HasPrefix(vector, "CVSS:3.1/"):
		parsed, err := cvss31.ParseVector(vector)
		if err != nil {
			return "", 0, err
		}
		return "3.1", parsed.BaseScore(), nil
	case strings.HasPrefix(vector, "CVSS:3.0/"):
		parsed, err := cvss30.ParseVector(vector)
		if err != nil {
			return "", 0, err
		}
		return "3.0", parsed.BaseScore(), nil
	default:
		// Only version 2 has no prefix; NVD's older feeds put it in parentheses.
		parsed, err := cvss2.ParseVector(strings.Trim(vector, "()"))
		if err != nil {
			return "", 0, err
		}
		return "2.0", parsed.BaseScore(), nil
	}
}

// notBase4 are the metrics of CVSS v4.0 that turn a base score into a threat or
// environmental score (specification, sections 3 and 4).
var notBase4 = []string{
	"E", "CR", "IR", "AR", "MAV", "MAC", "MAT", "MPR", "MUI",
	"MVC", "MVI", "MVA", "MSC", "MSI", "MSA",
}

// base4 computes a version 4.0 base score. Version 4.0 has one formula for all
// metrics, so those outside the base group are first set to "not defined".
func base4(vector string) (version string, base float64, err error) {
	parsed, err := cvss4.ParseVector(vector)
	if err != nil {
		return "", 0, err
	}
	for _, metric := range notBase4 {
		if err := parsed.Set(metric, "X"); err != nil {
			return "", 0, err
		}
	}
	return "4.0", parsed.Score(), nil
}
