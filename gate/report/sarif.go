package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// projectURL is where people find out about the tool that wrote a report.
const projectURL = "https://github.com/imagegate/imagegate"

// SARIF writes the findings as a log of the Static Analysis Results Interchange
// Format 2.1.0 (OASIS), in one run.
//
// What failed or warned is a result of kind "fail", what could not be judged one
// of kind "open" ("insufficient information to decide", 3.27.9) and besides an
// error notification of an invocation that did not succeed, since there are
// readers that skip kinds. What an exception covers is a suppressed result. Rules
// that passed are no results: readers without kinds would show them as alerts.
// The verdicts are in the run's properties.
func SARIF(w io.Writer, r gate.Report, _ Options) error {
	rules := sarifRules(r)
	run := sarifRun{
		Tool: sarifTool{Driver: sarifDriver{
			Name: r.Tool.Name, Version: r.Tool.Version, InformationURI: projectURL, Rules: rules,
		}},
		Invocations: []sarifInvocation{{Successful: true}},
		Results:     []sarifResult{},
		ColumnKind:  "unicodeCodePoints",
		Properties: sarifProvenance{
			Policy: r.Policy, Database: r.Database, TrustRoot: r.TrustRoot, Verdicts: []sarifVerdict{},
		},
	}
	for _, result := range r.Results {
		run.add(result)
	}
	return WriteJSON(w, sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

// sarifRules are all rules of the policy, also those that found nothing.
func sarifRules(r gate.Report) []sarifRule {
	infos := slices.Clone(rulesOf(r))
	for _, result := range r.Results {
		for _, f := range result.Findings {
			if !slices.ContainsFunc(infos, func(i policy.RuleInfo) bool { return i.ID == f.Rule }) {
				infos = append(infos, infos.info(f.Rule))
			}
		}
	}
	rules := make([]sarifRule, len(infos))
	for i, info := range infos {
		rules[i] = newSARIFRule(info)
	}
	return rules
}

func newSARIFRule(info policy.RuleInfo) sarifRule {
	text, markdown := line(info.Why), escapeMarkdown(info.Why)
	if len(info.Fields) > 0 {
		text += " Fields of the policy: " + line(strings.Join(info.Fields, ", ")) + "."
		markdown += "\n\nFields of the policy: `" + strings.Join(info.Fields, "`, `") + "`."
	}
	if text == "" {
		text, markdown = "A rule of this policy.", "A rule of this policy."
	}
	return sarifRule{
		ID:               line(info.ID),
		ShortDescription: sarifText{sarifMessage(info.Title)},
		FullDescription:  sarifText{sarifMessage(text)},
		Help:             sarifHelp{sarifMessage(text), markdown},
		Default:          sarifConfiguration{"error"},
		Properties:       sarifTags{[]string{"container", "security"}},
	}
}

// add adds what was found about one image.
func (run *sarifRun) add(r gate.Result) {
	run.Properties.Verdicts = append(run.Properties.Verdicts, sarifVerdict{line(r.Reference), line(r.Digest), r.Verdict})
	seen, known := map[string]int{}, vulnerabilitiesOf(r)
	for _, f := range r.Findings {
		outcome := outcomeOf(f)
		if outcome == policy.Skipped || outcome == policy.Pass && f.Exception == nil {
			continue
		}
		result := run.newResult(r, f, known.of(f))
		print := fingerprint(r, f, seen)
		result.Fingerprints = map[string]string{"imagegate/v1": print, "primaryLocationLineHash": print + ":1"}
		run.Results = append(run.Results, result)
		if outcome == policy.Undecided {
			run.notify(r, f)
		}
	}
	if invocation := &run.Invocations[0]; !r.JudgedAt.IsZero() {
		invocation.EndTime = r.JudgedAt.UTC().Format(time.RFC3339)
	}
}

// notify says that a rule could not be judged. Nobody who reads only whether the
// run succeeded takes the image for judged.
func (run *sarifRun) notify(r gate.Result, f policy.Finding) {
	invocation := &run.Invocations[0]
	invocation.Successful = false
	invocation.Notifications = append(invocation.Notifications, sarifNotification{
		Level:   "error",
		Message: sarifText{sarifMessage(r.Reference + ": " + f.Rule + ": " + f.Message)},
		Rule:    sarifRuleRef{line(f.Rule), run.ruleIndex(f.Rule)},
	})
}

func (run *sarifRun) newResult(r gate.Result, f policy.Finding, about *sbom.Vulnerability) sarifResult {
	kind, level := sarifLevel(f)
	result := sarifResult{
		RuleID: line(f.Rule), RuleIndex: run.ruleIndex(f.Rule), Kind: kind, Level: level,
		Message:   sarifText{sarifMessage(sentence(r, f))},
		Locations: []sarifLocation{newSARIFLocation(r, f, about)},
		Properties: sarifResultProperties{
			Digest: line(r.Digest), Platform: line(f.Platform), Outcome: outcomeOf(f),
			Expected: line(f.Expected), Actual: line(f.Actual), Remedy: line(f.Remedy),
			Vulnerability: line(f.Vulnerability), Package: line(f.Package),
		},
	}
	if about != nil && about.CVSS != nil {
		result.Properties.SecuritySeverity = strconv.FormatFloat(*about.CVSS, 'f', 1, 64)
	}
	if f.Exception != nil {
		result.Suppressions = []sarifSuppression{{"external", "accepted", sarifMessage(excepted(f))}}
	}
	return result
}

// sarifLevel is the kind of a result and its level, which is "none" unless the
// kind is "fail" (3.27.10).
func sarifLevel(f policy.Finding) (kind, level string) {
	switch outcomeOf(f) {
	case policy.Fail:
		return "fail", "error"
	case policy.Warn:
		return "fail", "warning"
	case policy.Undecided:
		return "open", "none"
	default:
		return "fail", "note" // what an exception covers
	}
}

func (run *sarifRun) ruleIndex(id string) int {
	return slices.IndexFunc(run.Tool.Driver.Rules, func(r sarifRule) bool { return r.ID == line(id) })
}

// sentence says what a finding says where nothing else says which image it is about.
func sentence(r gate.Result, f policy.Finding) string {
	text := r.Reference
	if f.Platform != "" {
		text += " (" + f.Platform + ")"
	}
	text += ": " + f.Message
	if f.Remedy != "" {
		text += "; to mend it: " + f.Remedy
	}
	return text
}

// sarifMessage is plain text: brackets before parentheses would be a link (3.11.6).
func sarifMessage(s string) string {
	return strings.ReplaceAll(line(s), "](", "] (")
}

// newSARIFLocation is the image, as the path that readers group by, and the
// platform image or file in it.
func newSARIFLocation(r gate.Result, f policy.Finding, about *sbom.Vulnerability) sarifLocation {
	name := line(r.Reference)
	if f.Platform != "" {
		name += " " + line(f.Platform)
	}
	logical := sarifLogical{FullName: name, Kind: "image"}
	if about != nil {
		logical.FullName += " " + line(about.Package) + " " + line(about.Version)
		logical.Kind = "package"
	}
	return sarifLocation{
		Physical: sarifPhysical{sarifArtifact{relativeURI(lasting(r))}, sarifRegion{1}},
		Logical:  []sarifLogical{logical},
	}
}

// relativeURI is a name as the path of a relative reference (RFC 3986, 4.2): no
// colon of it makes a scheme and no dots of it climb.
func relativeURI(name string) string {
	segments := slices.DeleteFunc(strings.Split(line(name), "/"), func(s string) bool { return s == "" || s == "." || s == ".." })
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(s), ":", "%3A")
	}
	return strings.Join(segments, "/")
}

// fingerprint stays the same from one version of the image to the next, as long
// as the same rule finds the same there. Findings that nothing tells apart are
// counted.
func fingerprint(r gate.Result, f policy.Finding, seen map[string]int) string {
	parts := []string{f.Rule, lasting(r), f.Platform, f.Vulnerability, f.Package}
	key := fmt.Sprintf("%q", parts)
	seen[key]++
	data, _ := json.Marshal(append(parts, strconv.Itoa(seen[key]))) // strings always marshal
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}
