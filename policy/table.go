package policy

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"time"
)

// TableKind heads a table of tests of a policy.
const TableKind = "PolicyTest"

// Table says what a policy must answer to stored evidence: the tests of a policy.
type Table struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	// Policy is a file, relative to the table, or the name of a preset.
	Policy string `yaml:"policy"`
	// Now is the moment of every case: ages and expiries would change the answers.
	Now   time.Time `yaml:"now"`
	Tests []Case    `yaml:"tests"`
}

// Case is one question and its answer.
type Case struct {
	Name      string `yaml:"name"`
	Evidence  string `yaml:"evidence"` // a file, relative to the table
	Stage     Stage  `yaml:"stage"`
	Namespace string `yaml:"namespace"`
	// Verdict that must come out.
	Verdict Decision `yaml:"verdict"`
	// Findings that must be among those of the verdict; others may be too.
	Findings []ExpectedFinding `yaml:"findings"`
}

// ExpectedFinding is one answer of one rule.
type ExpectedFinding struct {
	Rule     string  `yaml:"rule"`
	Outcome  Outcome `yaml:"outcome"`
	Platform string  `yaml:"platform"` // empty: any
}

// KindOf is the kind of a document; empty where it is none that is read.
func KindOf(data []byte) string {
	root, err := readDocument("", data)
	if err != nil {
		return ""
	}
	for _, kind := range children(root, "kind") {
		return kind.Value
	}
	return ""
}

// ParseTable reads a table as strictly as Parse reads a policy. name is its file
// name, for messages only. The error is an *Error.
func ParseTable(name string, data []byte) (*Table, error) {
	root, err := readDocument(name, data)
	if err != nil {
		return nil, err
	}
	for _, kind := range children(root, "kind") {
		if kind.Value == Kind {
			return nil, newError([]Problem{{File: name, Line: kind.Line, Column: kind.Column, Field: "kind",
				Message: "is a policy, not a table of tests: write kind: " + TableKind + " in a file of its own, with policy: " + path.Base(name)}})
		}
	}
	t := &Table{}
	d := newDecoder(name, root)
	d.value(root, reflect.ValueOf(t).Elem(), "")
	t.validate(d.report)
	if len(d.problems) > 0 {
		return nil, newError(d.problems)
	}
	return t, nil
}

func (t *Table) validate(report reporter) {
	if t.APIVersion != APIVersion {
		report("apiVersion", "must be %s", APIVersion)
	}
	if t.Kind != TableKind {
		report("kind", "must be %s", TableKind)
	}
	if t.Policy == "" {
		report("policy", "is missing: name the file of the policy that is tested")
	}
	if t.Now.IsZero() {
		report("now", "is missing: write a date, so that the test answers the same tomorrow")
	}
	if len(t.Tests) == 0 {
		report("tests", "is empty, so nothing would be tested")
	}
	var names []string
	for i, c := range t.Tests {
		c.validate(fmt.Sprintf("tests[%d]", i), names, report)
		names = append(names, c.Name)
	}
}

func (c Case) validate(field string, before []string, report reporter) {
	switch {
	case c.Name == "":
		report(field+".name", "is missing: say what the case shows")
	case slices.Contains(before, c.Name):
		report(field+".name", "%q is named twice", shortened(c.Name))
	}
	if c.Evidence == "" {
		report(field+".evidence", "is missing: imagegate check REF --evidence-output FILE writes it")
	}
	if c.Stage == "" {
		report(field+".stage", "is missing: use %s", oneOf(Stage("").words()))
	}
	if c.Verdict == "" {
		report(field+".verdict", "is missing: use %s", oneOf(Decision("").words()))
	}
	for i, f := range c.Findings {
		at := fmt.Sprintf("%s.findings[%d]", field, i)
		if f.Rule == "" {
			report(at+".rule", "is missing: findings name the rule that made them")
		}
		if f.Outcome == "" {
			report(at+".outcome", "is missing: use %s", oneOf(Outcome("").words()))
		}
	}
}

// Judge asks the policy the question of the case.
func (c Case) Judge(p *Policy, e Evidence, now time.Time) Verdict {
	return p.For(e.Reference, c.Namespace).Evaluate(e, c.Stage, now)
}

// Differences are what a verdict has otherwise than the case wants it, a sentence
// each; none if it is as it should be.
func (c Case) Differences(v Verdict) []string {
	var list []string
	if v.Decision != c.Verdict {
		text := fmt.Sprintf("the verdict is %s, not %s", v.Decision, c.Verdict)
		for _, f := range v.Decisive() {
			text += "\n  " + onPlatform(f) + ": " + f.Message
		}
		list = append(list, text)
	}
	for _, want := range c.Findings {
		if text := want.difference(v); text != "" {
			list = append(list, text)
		}
	}
	return list
}

func (x ExpectedFinding) difference(v Verdict) string {
	var outcomes []string
	for _, f := range v.Findings {
		if f.Rule != x.Rule || x.Platform != "" && f.Platform != x.Platform {
			continue
		}
		if f.Outcome == x.Outcome {
			return ""
		}
		outcomes = append(outcomes, string(f.Outcome))
	}
	if len(outcomes) == 0 {
		return fmt.Sprintf("%s says nothing, where %s is wanted", x.Rule, x.Outcome)
	}
	slices.Sort(outcomes)
	return fmt.Sprintf("%s is %s, not %s", x.Rule, oneOf(slices.Compact(outcomes)), x.Outcome)
}

func onPlatform(f Finding) string {
	if f.Platform == "" {
		return f.Rule
	}
	return f.Rule + " (" + printable(f.Platform) + ")"
}
