package estate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// NewRecord is a result of the gate in short form. The scan, the worker and the
// bytes pulled and saved are for the caller to fill in, and every other reference
// of the same digest.
func NewRecord(r gate.Result) Record {
	record := Record{
		SchemaVersion: RecordVersion,
		References:    []string{r.Reference},
		Digest:        r.Digest,
		Verdict:       r.Verdict,
		Stage:         r.Stage,
		Namespace:     r.Namespace,
		JudgedAt:      r.JudgedAt.UTC(),
		Cache:         r.Cache,
		Findings:      shortFindings(r.Findings),
		Severities:    map[string]int{},
	}
	if db := r.Evidence.Database; db != nil {
		built := db.Built.UTC()
		record.DatabaseBuilt = &built
	}
	for _, ms := range r.Timings {
		record.Milliseconds += ms
	}
	for _, p := range r.Platforms {
		record.Platforms = append(record.Platforms, shortPlatform(p))
	}
	record.addVulnerabilities(r)
	return record.bounded(1)
}

func shortPlatform(p policy.Platform) Platform {
	short := Platform{Platform: p.Name, Digest: p.Digest, Packages: len(p.Packages)}
	for _, l := range p.Size.LayerSizes {
		short.Layers = append(short.Layers, Layer{Digest: l.Digest, Bytes: max(0, l.Bytes)})
	}
	return short
}

// shortFindings keeps what did not pass and what an exception turned, the most
// decisive first. Hundreds of findings about single vulnerabilities become one:
// the vulnerabilities themselves are listed.
func shortFindings(findings []policy.Finding) []Finding {
	type key struct {
		rule      string
		outcome   policy.Outcome
		exception Exception
	}
	var list []Finding
	at := map[key]int{}
	for _, f := range findings {
		if f.Exception == nil && (f.Outcome == policy.Pass || f.Outcome == policy.Skipped) {
			continue
		}
		short := shortFinding(f)
		if f.Vulnerability == "" {
			list = append(list, short)
			continue
		}
		k := key{rule: f.Rule, outcome: f.Outcome}
		if short.Exception != nil {
			k.exception = *short.Exception
		}
		i, seen := at[k]
		if !seen {
			at[k] = len(list)
			list = append(list, short)
			continue
		}
		list[i].Count = max(1, list[i].Count) + 1
		if list[i].Platform != short.Platform {
			list[i].Platform = ""
		}
	}
	slices.SortStableFunc(list, func(a, b Finding) int { return cmp.Compare(rank(a.Outcome), rank(b.Outcome)) })
	return list
}

func shortFinding(f policy.Finding) Finding {
	short := Finding{Rule: f.Rule, Outcome: f.Outcome, Platform: f.Platform, Message: f.Message, Remedy: f.Remedy}
	if e := f.Exception; e != nil {
		about := cmp.Or(e.Vulnerability, e.Rule)
		if e.Package != "" {
			about += " in " + e.Package
		}
		if e.Path != "" {
			about += " at " + e.Path
		}
		short.Exception = &Exception{About: about, Owner: e.Owner, Reason: e.Reason, Expires: e.Expires.UTC()}
	}
	return short
}

// rank is the place of an outcome among all, the most decisive first. One that
// nobody knows is undecided: a word from elsewhere never passes.
func rank(o policy.Outcome) int {
	order := []policy.Outcome{policy.Fail, policy.Undecided, policy.Warn, policy.Pass, policy.Skipped}
	if i := slices.Index(order, o); i >= 0 {
		return i
	}
	return slices.Index(order, policy.Undecided)
}

// addVulnerabilities adds those of all platforms, each once, the decisive ones
// first and the worst of them first.
func (r *Record) addVulnerabilities(result gate.Result) {
	outcomes := outcomesOf(result.Findings)
	var all []Vulnerability
	at := map[[4]string]int{}
	for _, p := range result.Platforms {
		layers := layersOf(p.Packages)
		for _, v := range p.Vulnerabilities {
			k := [4]string{v.ID, v.Package, v.Version, v.Type}
			i, seen := at[k]
			if !seen {
				i = len(all)
				at[k] = i
				all = append(all, shortVulnerability(v, layers))
			}
			outcome := outcomes[[3]string{p.Name, v.ID, v.Package}]
			all[i].Outcome = decisive(all[i].Outcome, outcome)
			all[i].KEV = all[i].KEV || v.KEV
		}
	}
	for _, v := range all {
		r.Severities[v.Severity]++
	}
	r.Vulnerabilities = slices.DeleteFunc(all, func(v Vulnerability) bool { return v.Outcome == "" && !v.KEV })
	slices.SortStableFunc(r.Vulnerabilities, func(a, b Vulnerability) int {
		return cmp.Or(cmp.Compare(rank(a.Outcome), rank(b.Outcome)), cmp.Compare(b.score(), a.score()),
			cmp.Compare(a.ID, b.ID), cmp.Compare(a.Package, b.Package))
	})
}

func shortVulnerability(v sbom.Vulnerability, layers map[[3]string]string) Vulnerability {
	return Vulnerability{
		ID: v.ID, Package: v.Package, Version: v.Version, Type: v.Type, Severity: severityWord(v.Severity),
		CVSS: v.CVSS, FixedIn: v.FixedIn, Layer: layers[[3]string{v.Package, v.Version, v.Type}],
	}
}

// decisive is the more decisive of two outcomes; one that is empty decides nothing.
func decisive(a, b policy.Outcome) policy.Outcome {
	if a == "" || b != "" && rank(b) < rank(a) {
		return b
	}
	return a
}

// score is the CVSS score, below all where nobody scored.
func (v Vulnerability) score() float64 {
	if v.CVSS == nil {
		return -1
	}
	return *v.CVSS
}

// outcomesOf are the most decisive outcomes by platform, vulnerability and package.
func outcomesOf(findings []policy.Finding) map[[3]string]policy.Outcome {
	outcomes := map[[3]string]policy.Outcome{}
	for _, f := range findings {
		if f.Vulnerability == "" || f.Rule != policy.RuleVulnerabilities {
			continue
		}
		k := [3]string{f.Platform, f.Vulnerability, f.Package}
		outcomes[k] = decisive(outcomes[k], f.Outcome)
	}
	return outcomes
}

// layersOf are the diff ids of the layers that brought each package, by name,
// version and type.
func layersOf(packages []sbom.Package) map[[3]string]string {
	layers := map[[3]string]string{}
	for _, p := range packages {
		k := [3]string{p.Name, p.Version, p.Type}
		if known, ok := layers[k]; ok && known != p.Layer {
			layers[k] = "" // in several: no single layer mends it
			continue
		}
		layers[k] = p.Layer
	}
	return layers
}

// severityWord is a word that severities are counted by; what a database invents
// is unknown.
func severityWord(s string) string {
	known := []string{sbom.SeverityNegligible, sbom.SeverityLow, sbom.SeverityMedium, sbom.SeverityHigh, sbom.SeverityCritical}
	if s = strings.ToLower(s); slices.Contains(known, s) {
		return s
	}
	return sbom.SeverityUnknown
}
