package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

// maxAnnotationLines is how many findings one annotation lists.
const maxAnnotationLines = 20

// GitHub writes the report as workflow commands, which GitHub Actions shows as
// annotations of the run. It shows ten errors and ten warnings of a step, so each
// image has one for its verdict, and then one for each rule and outcome, the
// decisive ones first; other formats have everything.
func GitHub(w io.Writer, r gate.Report, _ Options) error {
	var b bytes.Buffer
	for _, result := range r.Results {
		level := "error"
		if result.Verdict == policy.Allow {
			level = "notice"
		}
		command(&b, level, verdictWord(result.Verdict)+" "+result.Reference, strings.TrimSpace(line(result.Digest)+"\n"+tally(result.Findings)))
	}
	for _, result := range r.Results {
		for _, outcome := range []policy.Outcome{policy.Fail, policy.Undecided, policy.Warn} {
			annotate(&b, result, outcome)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// annotate writes one command for each rule that has findings with an outcome.
func annotate(b *bytes.Buffer, r gate.Result, outcome policy.Outcome) {
	findings := of(r.Findings, outcome)
	var rules []string
	lines := map[string][]string{}
	for _, f := range findings {
		if lines[f.Rule] == nil {
			rules = append(rules, f.Rule)
		}
		lines[f.Rule] = append(lines[f.Rule], annotationLine(f))
	}
	level := "error"
	if outcome == policy.Warn {
		level = "warning"
	}
	for _, rule := range rules {
		text := lines[rule]
		if more := len(text) - maxAnnotationLines; more > 0 {
			text = append(text[:maxAnnotationLines:maxAnnotationLines], fmt.Sprintf("… and %d more", more))
		}
		command(b, level, outcomeWord(outcome)+" "+rule+": "+r.Reference, strings.Join(text, "\n"))
	}
}

func annotationLine(f policy.Finding) string {
	text := line(f.Message)
	if f.Platform != "" {
		text = line(f.Platform) + ": " + text
	}
	if f.Exception != nil {
		text += "; " + excepted(f)
	}
	if f.Remedy != "" && f.Vulnerability == "" {
		text += " → " + line(f.Remedy)
	}
	return clip(text, 2000)
}

// command writes one workflow command. The message may have several lines, each
// of them cleaned already.
func command(b *bytes.Buffer, level, title, message string) {
	fmt.Fprintf(b, "::%s title=%s::%s\n", level, property.Replace(line(title)), data.Replace(message))
}

// The escapes of workflow commands, as the runner undoes them.
var (
	data     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)
