package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// outcomes are all outcomes, the most decisive first.
func outcomes() []policy.Outcome {
	return []policy.Outcome{policy.Fail, policy.Undecided, policy.Warn, policy.Pass, policy.Skipped}
}

// rank is the place of an outcome among them. One that nobody knows is undecided:
// a word from elsewhere never passes.
func rank(o policy.Outcome) int {
	if i := slices.Index(outcomes(), o); i >= 0 {
		return i
	}
	return slices.Index(outcomes(), policy.Undecided)
}

// outcomeOf is a finding's outcome, undecided where it is none of the known ones.
func outcomeOf(f policy.Finding) policy.Outcome { return outcomes()[rank(f.Outcome)] }

// group is what one rule found about the subject or one of its platform images.
type group struct {
	Rule     policy.RuleInfo
	Platform string         // empty: the subject
	Outcome  policy.Outcome // the most decisive of its findings
	Findings []policy.Finding
}

// groups puts findings together by rule and platform, in the order in which they
// first appear.
func groups(rules rulebook, findings []policy.Finding) []group {
	type key struct{ rule, platform string }
	var list []group
	at := map[key]int{}
	for _, f := range findings {
		k := key{f.Rule, f.Platform}
		i, ok := at[k]
		if !ok {
			i = len(list)
			at[k] = i
			list = append(list, group{Rule: rules.info(f.Rule), Platform: f.Platform, Outcome: policy.Skipped})
		}
		g := &list[i]
		g.Findings = append(g.Findings, f)
		g.Outcome = outcomes()[min(rank(g.Outcome), rank(f.Outcome))]
	}
	return list
}

// rulebook describes the rules of a report.
type rulebook []policy.RuleInfo

// rulesOf are the rules of the policy that judged; where a report does not say, those
// that every policy has.
func rulesOf(r gate.Report) rulebook {
	if len(r.Rules) > 0 {
		return r.Rules
	}
	return policy.Rules()
}

// info is what is known of a rule; of one that nobody knows, its id.
func (rules rulebook) info(id string) policy.RuleInfo {
	for _, r := range rules {
		if r.ID == id {
			return r
		}
	}
	return policy.RuleInfo{ID: id, Title: id}
}

// of are the findings with an outcome, in their order.
func of(findings []policy.Finding, outcome policy.Outcome) []policy.Finding {
	var list []policy.Finding
	for _, f := range findings {
		if outcomeOf(f) == outcome {
			list = append(list, f)
		}
	}
	return list
}

// tally says how many findings decided what: "3 failed, 1 undecided, 2 warned".
func tally(findings []policy.Finding) string {
	words := []string{"failed", "undecided", "warned", "passed", "skipped"}
	var parts []string
	for i, o := range outcomes() {
		if n := len(of(findings, o)); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, words[i]))
		}
	}
	if len(parts) == 0 {
		return "nothing was judged"
	}
	return strings.Join(parts, ", ")
}

// lasting is the name under which an image is known from one version to the next:
// without tag and digest.
func lasting(r gate.Result) string {
	if typed := r.Evidence.Reference; typed.Repository != "" {
		return typed.Registry + "/" + typed.Repository
	}
	name, _, _ := strings.Cut(r.Reference, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	return name
}

// vulnerabilities are those of one image by platform, id and package, as findings
// name them.
type vulnerabilities map[[3]string]*sbom.Vulnerability

func vulnerabilitiesOf(r gate.Result) vulnerabilities {
	all := vulnerabilities{}
	for i := range r.Platforms {
		p := &r.Platforms[i]
		for j := range p.Vulnerabilities {
			v := &p.Vulnerabilities[j]
			if key := [3]string{p.Name, line(v.ID), line(v.Package)}; all[key] == nil {
				all[key] = v
			}
		}
	}
	return all
}

// of is the vulnerability that a finding is about, or nil.
func (all vulnerabilities) of(f policy.Finding) *sbom.Vulnerability {
	if f.Vulnerability == "" {
		return nil
	}
	return all[[3]string{f.Platform, line(f.Vulnerability), line(f.Package)}]
}

// excepted says on whose responsibility a finding does not fail; empty where no
// exception covers it.
func excepted(f policy.Finding) string {
	if f.Exception == nil {
		return ""
	}
	return fmt.Sprintf("excepted by %s until %s: %s",
		line(f.Exception.Owner), f.Exception.Expires.UTC().Format(time.DateOnly), line(f.Exception.Reason))
}

// began is when a result's check began, and ended when it was judged.
func began(r gate.Result) (began, ended time.Time) {
	var spent int64
	for _, milliseconds := range r.Timings {
		spent += milliseconds
	}
	ended = r.JudgedAt.UTC()
	return ended.Add(-time.Duration(spent) * time.Millisecond), ended
}
