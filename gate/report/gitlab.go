package report

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// gitlabVersion is the version of GitLab's security report schemas that the
// container scanning report keeps to.
const gitlabVersion = "15.0.7"

// GitLab writes every vulnerability of every platform image, whether the policy
// refuses it or not, as a container scanning report of GitLab's security report
// schemas. That form has no place for other findings: the verdicts and what
// decided them are messages of the scan, and a scan that could not judge an image
// has not succeeded.
func GitLab(w io.Writer, r gate.Report, _ Options) error {
	tool := gitlabTool{
		ID: line(r.Tool.Name), Name: line(r.Tool.Name), URL: projectURL, Version: orUnknown(line(r.Tool.Version)), Vendor: gitlabName{line(r.Tool.Name)},
	}
	report := gitlabReport{
		Version:         gitlabVersion,
		Scan:            gitlabScan{Analyzer: tool, Scanner: tool, Type: "container_scanning", Status: "success"},
		Vulnerabilities: []gitlabVulnerability{},
	}
	report.Scan.time(r)
	for _, result := range r.Results {
		report.Scan.tell(result)
		report.add(result)
	}
	if len(r.Results) == 0 {
		report.Scan.Status = "failure"
	}
	return WriteJSON(w, report)
}

type (
	gitlabReport struct {
		Version         string                `json:"version"`
		Scan            gitlabScan            `json:"scan"`
		Vulnerabilities []gitlabVulnerability `json:"vulnerabilities"`
	}
	gitlabScan struct {
		Analyzer  gitlabTool      `json:"analyzer"`
		Scanner   gitlabTool      `json:"scanner"`
		Type      string          `json:"type"`
		StartTime string          `json:"start_time"`
		EndTime   string          `json:"end_time"`
		Status    string          `json:"status"`
		Messages  []gitlabMessage `json:"messages,omitempty"`
	}
	gitlabTool struct {
		ID      string     `json:"id"`
		Name    string     `json:"name"`
		URL     string     `json:"url"`
		Version string     `json:"version"`
		Vendor  gitlabName `json:"vendor"`
	}
	gitlabName struct {
		Name string `json:"name"`
	}
	gitlabMessage struct {
		Level string `json:"level"` // info, warn or fatal
		Value string `json:"value"`
	}
	gitlabVulnerability struct {
		ID          string             `json:"id"`
		Name        string             `json:"name"`
		Description string             `json:"description,omitempty"`
		Severity    string             `json:"severity"`
		Solution    string             `json:"solution,omitempty"`
		Identifiers []gitlabIdentifier `json:"identifiers"`
		Links       []gitlabLink       `json:"links,omitempty"`
		Location    gitlabLocation     `json:"location"`
	}
	gitlabIdentifier struct {
		Type  string `json:"type"`
		Name  string `json:"name"`
		Value string `json:"value"`
		URL   string `json:"url,omitempty"`
	}
	gitlabLink struct {
		URL string `json:"url"`
	}
	gitlabLocation struct {
		Dependency      gitlabDependency `json:"dependency"`
		OperatingSystem string           `json:"operating_system"`
		Image           string           `json:"image"`
	}
	gitlabDependency struct {
		Package gitlabName `json:"package"`
		Version string     `json:"version"`
	}
)

// time is from when the first check began to when the last one ended.
func (s *gitlabScan) time(r gate.Report) {
	const layout = "2006-01-02T15:04:05"
	for i, result := range r.Results {
		from, to := began(result)
		if text := from.Format(layout); i == 0 || text < s.StartTime {
			s.StartTime = text
		}
		s.EndTime = max(s.EndTime, to.Format(layout))
	}
	if len(r.Results) == 0 {
		from, to := began(gate.Result{})
		s.StartTime, s.EndTime = from.Format(layout), to.Format(layout)
	}
}

// tell makes messages of the verdict and of what decided it.
func (s *gitlabScan) tell(r gate.Result) {
	level := "info"
	switch r.Verdict {
	case policy.Allow:
	case policy.Deny:
		level = "warn"
	default:
		level = "fatal"
	}
	s.message(level, verdictWord(r.Verdict)+" "+r.Reference+": "+tally(r.Findings))
	for _, f := range r.Findings {
		switch outcome := outcomeOf(f); {
		case outcome == policy.Undecided:
			s.message("fatal", outcomeWord(outcome)+" "+f.Rule+": "+sentence(r, f))
		case (outcome == policy.Fail || outcome == policy.Warn) && f.Vulnerability == "":
			s.message("warn", outcomeWord(outcome)+" "+f.Rule+": "+sentence(r, f))
		}
	}
}

// message adds one. What is fatal is what stopped the scan from judging.
func (s *gitlabScan) message(level, text string) {
	s.Messages = append(s.Messages, gitlabMessage{level, line(text)})
	if level == "fatal" {
		s.Status = "failure"
	}
}

func (report *gitlabReport) add(r gate.Result) {
	for _, p := range r.Platforms {
		seen := map[string]int{}
		for _, v := range p.Vulnerabilities {
			report.Vulnerabilities = append(report.Vulnerabilities, newGitLabVulnerability(r, p, v, seen))
		}
	}
}

func newGitLabVulnerability(r gate.Result, p policy.Platform, v sbom.Vulnerability, seen map[string]int) gitlabVulnerability {
	list := gitlabVulnerability{
		ID:   gitlabID(r, p, v, seen),
		Name: clip(line(v.ID)+" in "+line(v.Package), 255),
		// GitLab takes it for Markdown.
		Description: clip(escapeMarkdown(v.Description), 1<<20),
		Severity:    gitlabSeverity(v.Severity),
		Identifiers: gitlabIdentifiers(v),
		Location: gitlabLocation{
			Dependency:      gitlabDependency{gitlabName{line(v.Package)}, line(v.Version)},
			OperatingSystem: orUnknown(strings.TrimSpace(line(p.Distribution.ID) + " " + line(p.Distribution.VersionID))),
			Image:           orUnknown(line(r.Reference)),
		},
	}
	if len(v.FixedIn) > 0 {
		list.Solution = clip(escapeMarkdown("Upgrade "+v.Package+" to "+strings.Join(v.FixedIn, " or ")), 7000)
	}
	if address, ok := webAddress(v.DataSource); ok {
		list.Links = []gitlabLink{{address}}
	}
	return list
}

// gitlabID stays the same as long as the same version of the same package of an
// image has the vulnerability.
func gitlabID(r gate.Result, p policy.Platform, v sbom.Vulnerability, seen map[string]int) string {
	parts := []string{lasting(r), p.Name, v.ID, v.Type, v.Package, v.Version}
	key := fmt.Sprintf("%q", parts)
	seen[key]++
	name, _ := json.Marshal(append(parts, fmt.Sprint(seen[key]))) // strings always marshal
	return uuid.NewHash(sha256.New(), uuid.NameSpaceURL, append([]byte(projectURL), name...), 8).String()
}

// gitlabIdentifiers are the vulnerability's id and its aliases, the CVE first: by
// the first one GitLab knows it again.
func gitlabIdentifiers(v sbom.Vulnerability) []gitlabIdentifier {
	ids := append([]string{v.ID}, v.Aliases...)
	slices.SortStableFunc(ids, func(a, b string) int { return isCVE(b) - isCVE(a) })
	list := make([]gitlabIdentifier, len(ids))
	for i, id := range ids {
		kind, _, _ := strings.Cut(strings.ToLower(line(id)), "-")
		list[i] = gitlabIdentifier{Type: orUnknown(kind), Name: orUnknown(line(id)), Value: orUnknown(line(id))}
		if address, ok := webAddress(v.DataSource); ok && id == v.ID {
			list[i].URL = address
		}
	}
	return list
}

func isCVE(id string) int {
	if strings.HasPrefix(id, "CVE-") {
		return 1
	}
	return 0
}

// gitlabSeverity is the word that GitLab has for a severity.
func gitlabSeverity(word string) string {
	switch word {
	case sbom.SeverityCritical:
		return "Critical"
	case sbom.SeverityHigh:
		return "High"
	case sbom.SeverityMedium:
		return "Medium"
	case sbom.SeverityLow:
		return "Low"
	case sbom.SeverityNegligible:
		return "Info"
	default:
		return "Unknown"
	}
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
