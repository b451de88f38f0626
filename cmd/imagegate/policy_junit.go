package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/imagegate/imagegate/gate/report"
)

// The elements of a JUnit report, as build servers read it.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Failure *junitFailure `xml:"failure,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func writeJUnit(path string, files []string, suites map[string][]caseResult) error {
	var all junitSuites
	for _, file := range files {
		suite := junitSuite{Name: file, Tests: len(suites[file])}
		for _, r := range suites[file] {
			c := junitCase{Name: r.name, Class: file}
			if len(r.differences) > 0 {
				suite.Failures++
				first, _, _ := strings.Cut(r.differences[0], "\n")
				c.Failure = &junitFailure{Message: report.Lines(first), Text: report.Lines(strings.Join(r.differences, "\n"))}
			}
			suite.Cases = append(suite.Cases, c)
		}
		all.Tests += suite.Tests
		all.Failures += suite.Failures
		all.Suites = append(all.Suites, suite)
	}
	b := bytes.NewBufferString(xml.Header)
	e := xml.NewEncoder(b)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	b.WriteString("\n")
	return writeFile(path, b.Bytes())
}
