package vuln

import (
	"slices"
	"strings"

	"github.com/anchore/grype/grype/vulnerability"

	"github.com/imagegate/imagegate/sbom"
)

// scoresOf are the valid scores of a vulnerability's records, each once. A vector
// that cannot be computed is left out: it is not known what it says.
func scoresOf(records []*vulnerability.Metadata) []sbom.Score {
	var scores []sbom.Score
	for _, r := range records {
		for _, assessment := range r.Cvss {
			score, err := sbom.NewScore(scoreSource(r.Namespace, assessment.Source), assessment.Vector)
			if err == nil && !slices.Contains(scores, score) {
				scores = append(scores, score)
			}
		}
	}
	return scores
}

// scoreSource says who made an assessment. A record without a name for it is its
// own provider's. A record that had none was given NVD's when the database was
// built, under the name that NVD's record has for it.
func scoreSource(namespace, assessor string) string {
	provider, _, _ := strings.Cut(namespace, ":")
	switch assessor {
	case "nvd@nist.gov":
		return sbom.ScoreNVD
	case "security-advisories@github.com":
		return sbom.ScoreGHSA
	case "":
		return providerSource(provider)
	default:
		return sbom.ScoreCNA
	}
}

func providerSource(provider string) string {
	switch provider {
	case "nvd":
		return sbom.ScoreNVD
	case "github":
		return sbom.ScoreGHSA
	default:
		return sbom.ScoreVendor
	}
}
