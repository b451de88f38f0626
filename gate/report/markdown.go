package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// Markdown writes the report for a page, a merge request or a mail: the verdicts,
// then for each image why, and what it consists of. Text from an image is escaped
// so that it is neither markup nor a link nor a mention anywhere.
func Markdown(w io.Writer, r gate.Report, _ Options) error {
	m := &document{}
	m.head(r)
	for _, result := range r.Results {
		m.result(result, len(result.Findings))
	}
	_, err := w.Write(m.out.Bytes())
	return err
}

// The limits of a step summary, so that GitHub takes it: it refuses one that is
// larger than a mebibyte.
const (
	summaryBytes    = 1 << 20
	summaryFindings = 50 // of one image and outcome
)

// GitHubSummary writes Markdown for the summary of a step of GitHub Actions: the
// same, with as many findings as fit. The verdict of every image is always there.
func GitHubSummary(w io.Writer, r gate.Report, _ Options) error {
	m := &document{}
	m.head(r)
	for i, result := range r.Results {
		section := &document{}
		section.result(result, summaryFindings)
		if m.out.Len()+section.out.Len() > summaryBytes-1024 {
			m.printf("The details of %d images do not fit here; other formats have them.\n", len(r.Results)-i)
			break
		}
		m.out.Write(section.out.Bytes())
	}
	_, err := w.Write(m.out.Bytes())
	return err
}

// document is a Markdown report in the making.
type document struct{ out bytes.Buffer }

func (m *document) printf(format string, args ...any) { fmt.Fprintf(&m.out, format, args...) }

// head is every verdict, and against what they were made.
func (m *document) head(r gate.Report) {
	m.printf("# Image verdicts: %s\n\n", strings.ToLower(verdictWord(r.Decision())))
	m.printf("| verdict | image | findings |\n|---|---|---|\n")
	for _, result := range r.Results {
		m.printf("| **%s** | %s | %s |\n", verdictWord(result.Verdict), escapeMarkdown(result.Reference), tally(result.Findings))
	}
	m.printf("\nPolicy %s %s", escapeMarkdown(r.Policy.Name), codeSpan(short(r.Policy.Hash)))
	if r.Database != nil {
		m.printf(", vulnerability database of %s", minute(r.Database.Built))
	}
	m.printf(", %s %s.\n\n", escapeMarkdown(r.Tool.Name), escapeMarkdown(r.Tool.Version))
}

// result is one image; most is how many findings of an outcome are listed.
func (m *document) result(r gate.Result, most int) {
	m.printf("## %s: %s\n\n", verdictWord(r.Verdict), escapeMarkdown(r.Reference))
	if r.Digest != "" {
		m.printf("- digest %s\n", codeSpan(r.Digest))
	}
	m.printf("- stage %s\n", escapeMarkdown(string(r.Stage)))
	for _, p := range r.Platforms {
		m.printf("- platform %s: %s\n", escapeMarkdown(p.Name), platformFacts(p))
	}
	for _, s := range r.Signatures {
		m.printf("- %s\n", signatureFacts(s))
	}
	m.printf("\n")
	for _, outcome := range []policy.Outcome{policy.Fail, policy.Undecided, policy.Warn} {
		m.findings(r, outcome, most)
	}
	m.rest(r)
}

func platformFacts(p policy.Platform) string {
	facts := []string{fmt.Sprintf("%s in %s", humanize.IBytes(uint64(max(0, p.Size.CompressedBytes))), count(p.Size.Layers, "layer"))}
	if p.Steps[policy.StepSBOM].State == policy.Done {
		facts = append(facts, count(len(p.Packages), "package"))
	}
	if p.Steps[policy.StepVulnerabilities].State == policy.Done {
		facts = append(facts, vulnerabilityCount(p.Vulnerabilities))
	}
	return strings.Join(facts, ", ")
}

func signatureFacts(s policy.Signature) string {
	text := "signed by " + escapeMarkdown(s.Signer)
	if s.Identity != "" {
		text += ": " + escapeMarkdown(s.Identity) + " of " + escapeMarkdown(s.Issuer)
	}
	if at := signedAt(s.SignedAt, s.LoggedAt); at != nil {
		text += ", " + minute(*at)
	}
	return text
}

// findings are a list of what made one outcome and a table of the vulnerabilities
// that did.
func (m *document) findings(r gate.Result, outcome policy.Outcome, most int) {
	findings := of(r.Findings, outcome)
	if len(findings) == 0 {
		return
	}
	m.printf("### %s\n\n", outcomeTitle(outcome))
	single := func(f policy.Finding) bool { return f.Vulnerability != "" }
	vulnerabilities := slices.DeleteFunc(slices.Clone(findings), func(f policy.Finding) bool { return !single(f) })
	others := slices.DeleteFunc(findings, single)
	for _, f := range others[:min(most, len(others))] {
		m.finding(f)
	}
	m.omitted(len(others) - most)
	if len(vulnerabilities) > 0 {
		m.vulnerabilities(r, vulnerabilities[:min(most, len(vulnerabilities))])
		m.omitted(len(vulnerabilities) - most)
	}
}

func (m *document) omitted(n int) {
	if n > 0 {
		m.printf("… and %d more; other formats have them.\n\n", n)
	}
}

func (m *document) finding(f policy.Finding) {
	m.printf("- **%s**%s: %s\n", escapeMarkdown(f.Rule), platformSuffix(f), escapeMarkdown(f.Message))
	if f.Exception != nil {
		m.printf("  - %s\n", escapeMarkdown(excepted(f)))
	}
	if f.Remedy != "" {
		m.printf("  - to mend it: %s\n", escapeMarkdown(f.Remedy))
	}
	m.printf("\n")
}

func platformSuffix(f policy.Finding) string {
	if f.Platform == "" {
		return ""
	}
	return " (" + escapeMarkdown(f.Platform) + ")"
}

func (m *document) vulnerabilities(r gate.Result, findings []policy.Finding) {
	known := vulnerabilitiesOf(r)
	m.printf("| CVSS | platform | vulnerability |\n|---:|---|---|\n")
	for _, f := range findings {
		cvss, why := "–", f.Message
		if v := known.of(f); v != nil {
			cvss = score(*v)
		}
		if f.Exception != nil {
			why += "; " + excepted(f)
		}
		m.printf("| %s | %s | %s |\n", cvss, escapeMarkdown(f.Platform), escapeMarkdown(why))
	}
	m.printf("\n")
}

// rest is what decided nothing.
func (m *document) rest(r gate.Result) {
	for _, outcome := range []policy.Outcome{policy.Pass, policy.Skipped} {
		var rules []string
		for _, f := range of(r.Findings, outcome) {
			if name := escapeMarkdown(f.Rule); !slices.Contains(rules, name) {
				rules = append(rules, name)
			}
		}
		if len(rules) > 0 {
			m.printf("%s: %s\n\n", outcomeTitle(outcome), strings.Join(rules, ", "))
		}
	}
	for _, f := range of(r.Findings, policy.Pass) {
		if f.Exception != nil {
			m.finding(f)
		}
	}
}

func outcomeTitle(o policy.Outcome) string {
	switch o {
	case policy.Fail:
		return "Failed"
	case policy.Warn:
		return "Warnings"
	case policy.Pass:
		return "Passed"
	case policy.Skipped:
		return "Skipped"
	default:
		return "Could not be judged"
	}
}

// score is the CVSS score that counts, or a dash where nobody scored.
func score(v sbom.Vulnerability) string {
	if v.CVSS == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f", *v.CVSS)
}

// signedAt is when something was signed: by a timestamp authority or, without
// one, by the transparency log.
func signedAt(authority, log *time.Time) *time.Time {
	if authority != nil {
		return authority
	}
	return log
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }

// count is a number with its noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func vulnerabilityCount(list []sbom.Vulnerability) string {
	if len(list) == 1 {
		return "1 vulnerability"
	}
	return fmt.Sprintf("%d vulnerabilities", len(list))
}
