package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

// JUnit writes the report as JUnit XML, the form that build systems show as test
// results: a suite for each image, in it a case for the verdict and one for each
// rule and platform. A rule that failed is a <failure>, one that could not be
// judged an <error>, one that the policy does not ask for <skipped>; warnings and
// what passed say so in <system-out>.
//
// The case of the verdict is there so that a suite without findings does not pass.
func JUnit(w io.Writer, r gate.Report, _ Options) error {
	suites := junitSuites{Name: line(r.Tool.Name)}
	for _, result := range r.Results {
		suites.add(newJUnitSuite(r, result))
	}
	data, err := xml.MarshalIndent(suites, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, data)
	return err
}

type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitCount
		Suites []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCount
		Time       string          `xml:"time,attr"` // seconds
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string       `xml:"classname,attr"`
		Name    string       `xml:"name,attr"`
		Time    string       `xml:"time,attr"`
		Failure *junitReason `xml:"failure"`
		Error   *junitReason `xml:"error"`
		Skipped *junitReason `xml:"skipped"`
		Out     string       `xml:"system-out,omitempty"`
	}
	junitReason struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// junitCount are the counters that one suite and all suites have alike.
type junitCount struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
}

func (s *junitSuites) add(suite junitSuite) {
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Errors += suite.Errors
	s.Skipped += suite.Skipped
	s.Suites = append(s.Suites, suite)
}

func newJUnitSuite(report gate.Report, r gate.Result) junitSuite {
	began, ended := began(r)
	suite := junitSuite{
		Name:      line(r.Reference),
		Time:      fmt.Sprintf("%.3f", ended.Sub(began).Seconds()),
		Timestamp: began.Format("2006-01-02T15:04:05"),
		Properties: []junitProperty{
			{"digest", line(r.Digest)}, {"verdict", line(string(r.Verdict))}, {"stage", line(string(r.Stage))},
			{"policy", line(report.Policy.Name)}, {"policy.hash", line(report.Policy.Hash)},
		},
	}
	if report.Database != nil {
		suite.Properties = append(suite.Properties, junitProperty{"database.built", report.Database.Built.UTC().Format(time.RFC3339)})
	}
	suite.add(verdictCase(r))
	for _, g := range groups(rulesOf(report), r.Findings) {
		suite.add(newJUnitCase(r, g))
	}
	return suite
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

// verdictCase passes if the image may run, and in no other case.
func verdictCase(r gate.Result) junitCase {
	c := junitCase{Class: line(r.Reference), Name: "verdict", Time: "0"}
	reason := &junitReason{Message: verdictWord(r.Verdict) + ": " + tally(r.Findings), Type: "verdict"}
	switch r.Verdict {
	case policy.Allow:
		c.Out = reason.Message
	case policy.Deny:
		c.Failure = reason
	default:
		c.Error = reason
	}
	return c
}

func newJUnitCase(r gate.Result, g group) junitCase {
	c := junitCase{Class: line(r.Reference), Name: line(g.Rule.ID), Time: "0"}
	if g.Platform != "" {
		c.Name += " (" + line(g.Platform) + ")"
	}
	text := junitText(g)
	reason := &junitReason{Message: junitMessage(g), Type: line(g.Rule.ID), Text: text}
	switch g.Outcome {
	case policy.Fail:
		c.Failure = reason
	case policy.Undecided:
		c.Error = reason
	case policy.Skipped:
		c.Skipped = &junitReason{Message: reason.Message}
	default:
		c.Out = text
	}
	return c
}

// junitMessage is the first finding that made the outcome, and how many did.
func junitMessage(g group) string {
	made := of(g.Findings, g.Outcome)
	text := line(made[0].Message)
	if more := len(made) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// junitText is every finding of a rule, a line each, and what to do.
func junitText(g group) string {
	var b strings.Builder
	for _, f := range g.Findings {
		fmt.Fprintf(&b, "%s: %s\n", outcomeOf(f), line(f.Message))
		if f.Exception != nil {
			fmt.Fprintf(&b, "  %s\n", excepted(f))
		}
		// What to do about a vulnerability is in its message: the version that mends it.
		if f.Remedy != "" && f.Vulnerability == "" && outcomeOf(f) != policy.Pass {
			fmt.Fprintf(&b, "  to mend it: %s\n", line(f.Remedy))
		}
	}
	return b.String()
}
