package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/dustin/go-humanize"
	"github.com/fatih/color"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

// maxVulnerabilities is how many findings about single vulnerabilities the text
// report lists for each outcome and platform; JSON has all of them.
const maxVulnerabilities = 10

// Text writes the report for a person: for each image the verdict first, then the
// reasons that decided it, then what else was found, and the rules that passed
// in one line.
func Text(w io.Writer, r gate.Report, o Options) error {
	if o.Width <= 0 {
		o.Width = 80
	}
	// Written to memory first: nothing of a report is shown if part of it can't be.
	t := &text{width: o.Width, color: o.Color}
	for _, result := range r.Results {
		t.result(result)
	}
	t.summary(r)
	_, err := w.Write(t.out.Bytes())
	return err
}

// text is a text report in the making.
type text struct {
	out   bytes.Buffer
	width int
	color bool
}

func (t *text) result(r gate.Result) {
	word := verdictWord(r.Verdict)
	t.wrap(t.paint(verdictColor(r.Verdict), word)+"  ", strings.Repeat(" ", len(word)+2), line(r.Reference))
	if r.Digest != "" {
		t.wrap("  ", "  ", line(r.Digest))
	}
	t.wrap("  ", "  ", facts(r))
	t.printf("\n")
	for _, outcome := range []policy.Outcome{policy.Fail, policy.Undecided, policy.Warn} {
		t.findings(r, outcome)
	}
	t.names("passed", r.Findings, policy.Pass)
	t.names("skipped", r.Findings, policy.Skipped)
	t.printf("\n")
}

// facts is what was judged, in one paragraph.
func facts(r gate.Result) string {
	parts := []string{"stage " + string(r.Stage)}
	for _, p := range r.Platforms {
		s := line(p.Name)
		if p.Size.CompressedBytes > 0 {
			s += fmt.Sprintf(" %s in %d layers", humanize.IBytes(uint64(p.Size.CompressedBytes)), p.Size.Layers)
		}
		if p.Steps[policy.StepSBOM].State == policy.Done {
			s += fmt.Sprintf(", %d packages", len(p.Packages))
		}
		parts = append(parts, s)
	}
	for _, s := range r.Signatures {
		parts = append(parts, signed(s))
	}
	return strings.Join(parts, " · ")
}

func signed(s policy.Signature) string {
	by := line(s.Signer)
	if s.Identity != "" {
		by += " (" + line(s.Identity) + ")"
	}
	return "signed by " + by
}

// findings writes those of one outcome, in the order in which the policy gave them.
func (t *text) findings(r gate.Result, outcome policy.Outcome) {
	listed := map[string]int{}
	heading := ""
	for _, f := range r.Findings {
		if outcomeOf(f) != outcome {
			continue
		}
		rule := line(f.Rule)
		if len(r.Platforms) > 1 && f.Platform != "" {
			rule += " (" + line(f.Platform) + ")"
		}
		if rule != heading {
			heading = rule
			word := outcomeWord(outcome)
			t.wrap("  "+t.paint(outcomeColor(outcome), word)+"  ", strings.Repeat(" ", len(word)+4), rule)
		}
		if f.Vulnerability != "" {
			if listed[f.Platform]++; listed[f.Platform] > maxVulnerabilities {
				continue
			}
		}
		t.finding(f)
	}
	for _, p := range r.Platforms {
		if more := listed[p.Name] - maxVulnerabilities; more > 0 {
			t.wrap("      ", "      ", fmt.Sprintf("… and %d more vulnerabilities of %s (-o json lists them)", more, line(p.Name)))
		}
	}
}

// finding writes what one finding says, below the heading of its rule.
func (t *text) finding(f policy.Finding) {
	t.wrap("      ", "      ", line(f.Message))
	if f.Exception != nil {
		t.wrap("      ", "      ", excepted(f))
	}
	// What to do about a vulnerability is in its message: the version that mends it.
	if f.Remedy != "" && f.Vulnerability == "" {
		t.wrap("      → ", "        ", line(f.Remedy))
	}
}

// names writes the distinct rules of one outcome in one paragraph.
func (t *text) names(word string, findings []policy.Finding, outcome policy.Outcome) {
	var rules []string
	for _, f := range findings {
		if rule := line(f.Rule); f.Outcome == outcome && !slices.Contains(rules, rule) {
			rules = append(rules, rule)
		}
	}
	if len(rules) > 0 {
		t.wrap("  "+word+": ", "  "+strings.Repeat(" ", len(word)+2), strings.Join(rules, ", "))
	}
}

// summary counts the verdicts and says against what they were made.
func (t *text) summary(r gate.Report) {
	count := map[policy.Decision]int{}
	for _, result := range r.Results {
		count[result.Verdict]++
	}
	parts := []string{
		fmt.Sprintf("%d allowed, %d denied, %d undecided", count[policy.Allow], count[policy.Deny], count[policy.NotDecidable]),
		"policy " + line(r.Policy.Name) + " " + short(r.Policy.Hash),
	}
	if r.Database != nil {
		parts = append(parts, "database of "+r.Database.Built.UTC().Format("2006-01-02 15:04")+" UTC")
	}
	t.wrap("", "", strings.Join(parts, " · "))
}

// short is enough of a digest to recognise it by.
func short(digest string) string {
	const enough = len("sha256:") + 12
	digest = line(digest)
	end := min(len(digest), enough)
	for end < len(digest) && !utf8.RuneStart(digest[end]) {
		end++
	}
	return digest[:end]
}

func (t *text) printf(format string, args ...any) { fmt.Fprintf(&t.out, format, args...) }

// wrap writes a paragraph within the width: first begins its first line, rest the
// others. It breaks at spaces, so that a digest, a path or a version stays in one
// piece for copying, and only what is wider than a line is broken itself. No line
// begins with what a build system takes for a command.
func (t *text) wrap(first, rest, paragraph string) {
	column := 0
	var words []string
	for _, word := range strings.Fields(paragraph) {
		words = append(words, pieces(word, t.width-max(ansi.StringWidth(first), ansi.StringWidth(rest)))...)
	}
	for i, word := range words {
		width := ansi.StringWidth(word)
		switch {
		case i == 0:
			word = start(word)
			t.printf("%s", first)
			column = ansi.StringWidth(first)
		case column+1+width > t.width:
			word = start(word)
			t.printf("\n%s", rest)
			column = ansi.StringWidth(rest)
		default:
			t.printf(" ")
			column++
		}
		t.printf("%s", word)
		column += ansi.StringWidth(word)
	}
	t.printf("\n")
}

// pieces breaks a word that is wider than a line: a reference before its digest, what
// still does not fit after a slash, and what has none where the line ends.
func pieces(word string, width int) []string {
	const least = 16 // of a line: narrower ones overflow
	width = max(width, least)
	var list []string
	for ansi.StringWidth(word) > width {
		head := ansi.Truncate(word, width, "")
		if head == "" {
			break // one character that is wider than a line
		}
		if at := strings.LastIndex(word, "@sha256:"); at > 0 && at <= len(head) {
			head = word[:at]
		} else if slash := strings.LastIndexByte(head, '/'); slash > 0 && !strings.HasPrefix(word, "@") {
			head = word[:slash+1]
		}
		list = append(list, head)
		word = word[len(head):]
	}
	return append(list, word)
}

func (t *text) paint(attributes []color.Attribute, s string) string {
	if !t.color {
		return s
	}
	c := color.New(attributes...)
	c.EnableColor()
	return c.Sprint(s)
}

func verdictWord(d policy.Decision) string {
	switch d {
	case policy.Allow:
		return "ALLOWED"
	case policy.Deny:
		return "DENIED"
	default:
		return "UNDECIDED"
	}
}

func verdictColor(d policy.Decision) []color.Attribute {
	switch d {
	case policy.Allow:
		return []color.Attribute{color.FgGreen, color.Bold}
	case policy.Deny:
		return []color.Attribute{color.FgRed, color.Bold}
	default:
		return []color.Attribute{color.FgMagenta, color.Bold}
	}
}

func outcomeWord(o policy.Outcome) string {
	switch o {
	case policy.Fail:
		return "FAIL"
	case policy.Warn:
		return "WARN"
	default:
		return strings.ToUpper(string(o))
	}
}

func outcomeColor(o policy.Outcome) []color.Attribute {
	switch o {
	case policy.Fail:
		return []color.Attribute{color.FgRed}
	case policy.Warn:
		return []color.Attribute{color.FgYellow}
	default:
		return []color.Attribute{color.FgMagenta}
	}
}
