package gate

import (
	"time"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// ReportVersion is the version of the JSON form of Report. Fields may be added
// within a version, never renamed or removed.
const ReportVersion = "1"

// Report is what a run of the gate says about one or several images, with the
// provenance of the answer.
type Report struct {
	SchemaVersion string         `json:"schemaVersion"`
	Tool          Tool           `json:"tool"`
	Policy        PolicyRef      `json:"policy"`
	Database      *sbom.Database `json:"database"`
	TrustRoot     *TrustRootRef  `json:"trustRoot"`
	Results       []Result       `json:"results"`

	// Rules are all that the policy can find, its own and those of its overrides
	// included, for formats that describe them.
	Rules []policy.RuleInfo `json:"-"`
}

// Tool is the program that judged.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// PolicyRef names the policy that judged: the hash covers everything that can
// change a verdict.
type PolicyRef struct {
	Name string `json:"name"`
	Hash string `json:"hash"`
}

// TrustRootRef names the trusted root that certificates and logs were verified against.
type TrustRootRef struct {
	Hash string `json:"hash"`
}

// Result is the verdict about one reference with everything that led to it. All
// lists are sorted: two runs over the same inputs differ only in Timings.
type Result struct {
	Reference    string                `json:"reference"`
	Digest       string                `json:"digest"`
	MediaType    string                `json:"mediaType,omitempty"`
	Stage        policy.Stage          `json:"stage"`
	Namespace    string                `json:"namespace,omitempty"`
	Verdict      policy.Decision       `json:"verdict"`
	Signatures   []policy.Signature    `json:"signatures"`
	Attestations []policy.Attestation  `json:"attestations,omitempty"`
	Rejected     []policy.Rejection    `json:"rejected,omitempty"`
	Platforms    []policy.Platform     `json:"platforms"`
	Findings     []policy.Finding      `json:"findings"`
	Timings      map[policy.Step]int64 `json:"timings"` // milliseconds, summed over platforms
	// Cache says what was remembered instead of done: "hit", "miss" or "stale" by
	// "verdict", "evidence", "sbom" and "matches". Empty where nothing is remembered.
	Cache map[string]string `json:"cache"`

	// Subject is the handle of what was judged, pinned by digest; nil where nothing
	// was resolved.
	Subject Subject `json:"-"`
	// Evidence is what was judged, and JudgedAt when.
	Evidence policy.Evidence `json:"-"`
	JudgedAt time.Time       `json:"-"`
	// Documents are the bills of materials by platform digest (WithDocuments).
	Documents map[string]*sbom.Document `json:"-"`
}

// NewReport puts results under the provenance of the gate that judged them.
func (g *Gate) NewReport(tool Tool, results ...Result) Report {
	r := NewReport(g.policy, tool, results...)
	if g.trustRoot != "" {
		r.TrustRoot = &TrustRootRef{Hash: g.trustRoot}
	}
	return r
}

// NewReport puts results of Judge under the policy that judged them. The trusted
// root is the one by which the evidence was collected.
func NewReport(p *policy.Policy, tool Tool, results ...Result) Report {
	r := Report{
		SchemaVersion: ReportVersion,
		Tool:          tool,
		Policy:        PolicyRef{Name: p.Name(), Hash: p.Hash()},
		Results:       results,
		Rules:         p.EveryRule(),
	}
	for _, result := range results {
		if hash := result.Evidence.TrustRoot; hash != "" {
			r.TrustRoot = &TrustRootRef{Hash: hash}
			break
		}
	}
	for _, result := range results {
		if result.Evidence.Database != nil {
			r.Database = result.Evidence.Database
			break
		}
	}
	return r
}

// Decision sums up several results: denied if one is denied, else undecided if
// one is undecided, else allowed. No results are undecided.
func (r Report) Decision() policy.Decision {
	decision := policy.NotDecidable
	for i, result := range r.Results {
		switch {
		case result.Verdict == policy.Deny:
			return policy.Deny
		case result.Verdict != policy.Allow:
			decision = policy.NotDecidable
		case i == 0:
			decision = policy.Allow
		}
	}
	return decision
}
