package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/policy"
)

func written(t testing.TB, format string, r gate.Report) string {
	t.Helper()
	write, err := report.Lookup(format)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, write(&out, r, report.Options{}))
	return out.String()
}

// sarifSchema is the schema that OASIS publishes with the specification.
func sarifSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open("testdata/schema/sarif-schema-2.1.0.json")
	require.NoError(t, err)
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("sarif.json", doc))
	schema, err := compiler.Compile("sarif.json")
	require.NoError(t, err)
	return schema
}

func TestSARIFKeepsToTheOfficialSchema(t *testing.T) {
	t.Parallel()
	schema := sarifSchema(t)
	for name, r := range map[string]gate.Report{"sample": sample(), "empty": {Tool: gate.Tool{Name: "imagegate"}}} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(written(t, "sarif", r)))
		require.NoError(t, err)
		assert.NoError(t, schema.Validate(doc), name)
	}
}

type sarifLog struct {
	Runs []struct {
		Tool struct {
			Driver struct {
				Rules []struct{ ID string }
			}
		}
		Invocations []struct {
			ExecutionSuccessful        bool
			ToolExecutionNotifications []json.RawMessage
		}
		Results []struct {
			RuleID, Kind, Level string
			RuleIndex           int
			PartialFingerprints map[string]string
			Suppressions        []json.RawMessage
			Properties          map[string]any
		}
	}
}

func readSARIF(t *testing.T, r gate.Report) sarifLog {
	t.Helper()
	var log sarifLog
	require.NoError(t, json.Unmarshal([]byte(written(t, "sarif", r)), &log))
	require.Len(t, log.Runs, 1)
	return log
}

func TestSARIFHasEveryRuleAndTheOnesThatOnlyAPolicyKnows(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Results[0].Findings = append(r.Results[0].Findings, policy.Finding{Rule: "from-our-base", Outcome: policy.Fail, Message: "no"})
	run := readSARIF(t, r).Runs[0]
	for i, info := range policy.Rules() {
		assert.Equal(t, info.ID, run.Tool.Driver.Rules[i].ID)
	}
	for _, result := range run.Results {
		assert.Equal(t, result.RuleID, run.Tool.Driver.Rules[result.RuleIndex].ID)
	}
	assert.Equal(t, "from-our-base", run.Tool.Driver.Rules[len(run.Tool.Driver.Rules)-1].ID)
}

// What a policy demands by rules of its own is described in its words.
func TestSARIFDescribesThePolicysOwnRules(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse("p.yaml", []byte(`{apiVersion: imagegate.dev/v1, kind: Policy, metadata: {name: p},
rules: [{name: from-our-base, expression: "image.platform != ''", message: build on the company base, remedy: use FROM base}],
overrides: [{match: {namespaces: [a]}, rules: [{name: elsewhere, expression: "stage == 'scan'"}]}]}`))
	require.NoError(t, err)
	r := gate.NewReport(p, gate.Tool{Name: "imagegate"}, sample().Results...)
	text := written(t, "sarif", r)
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct {
						ID                                string
						ShortDescription, FullDescription struct{ Text string }
					}
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(text), &log))
	described := map[string][2]string{}
	for _, rule := range log.Runs[0].Tool.Driver.Rules {
		described[rule.ID] = [2]string{rule.ShortDescription.Text, rule.FullDescription.Text}
	}
	assert.Equal(t, "build on the company base", described["rules.from-our-base"][0])
	assert.Contains(t, described["rules.from-our-base"][1], "image.platform != '' To mend it: use FROM base")
	assert.Contains(t, described["rules.elsewhere"][1], "stage == 'scan'")
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err)
	require.NoError(t, sarifSchema(t).Validate(doc))
}

func TestSARIFNeverMixesUpOutcomes(t *testing.T) {
	t.Parallel()
	run := readSARIF(t, sample()).Runs[0]
	for _, result := range run.Results {
		got := result.Kind + " " + result.Level
		switch result.Properties["outcome"] {
		case "fail":
			assert.Equal(t, "fail error", got)
		case "undecided":
			assert.Equal(t, "open none", got)
		case "warn":
			assert.Equal(t, "fail warning", got)
		case "pass":
			assert.Equal(t, "fail note", got)
			assert.NotEmpty(t, result.Suppressions)
		default:
			t.Errorf("%v is no outcome of a result", result.Properties["outcome"])
		}
	}
	assert.False(t, run.Invocations[0].ExecutionSuccessful)
	assert.Len(t, run.Invocations[0].ToolExecutionNotifications, 3)

	decided := sample()
	decided.Results = decided.Results[1:2]
	assert.True(t, readSARIF(t, decided).Runs[0].Invocations[0].ExecutionSuccessful)
}

func TestSARIFFingerprintsOutliveTheVersion(t *testing.T) {
	t.Parallel()
	prints := func(r gate.Report) []string {
		var list []string
		seen := map[string]bool{}
		for _, result := range readSARIF(t, r).Runs[0].Results {
			p := result.PartialFingerprints["imagegate/v1"]
			assert.False(t, seen[p], "two results have one fingerprint")
			seen[p] = true
			list = append(list, p)
		}
		return list
	}
	later := sample()
	later.Results[0].Reference = "registry.example.com/team/app:1.5"
	later.Results[0].Digest = digest("a0")
	later.Results[0].Findings[0].Message = "the tag is still latest"
	assert.Equal(t, prints(sample()), prints(later))

	other := sample()
	other.Results[0].Reference = "registry.example.com/team/other:1.4"
	assert.NotEqual(t, prints(sample()), prints(other))
}

type junitSuites struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
	Suites   []struct {
		Name  string `xml:"name,attr"`
		Cases []struct {
			Name    string    `xml:"name,attr"`
			Failure *struct{} `xml:"failure"`
			Error   *struct{} `xml:"error"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func TestJUnitHasACaseForEachRuleAndPlatform(t *testing.T) {
	t.Parallel()
	var suites junitSuites
	require.NoError(t, xml.Unmarshal([]byte(written(t, "junit", sample())), &suites))
	ended := map[string]string{}
	for _, suite := range suites.Suites {
		for _, c := range suite.Cases {
			outcome := "passed"
			switch {
			case c.Failure != nil:
				outcome = "failure"
			case c.Error != nil:
				outcome = "error"
			case c.Skipped != nil:
				outcome = "skipped"
			}
			ended[suite.Name+" "+c.Name] = outcome
		}
	}
	assert.Equal(t, map[string]string{
		"registry.example.com/team/app:1.4 verdict":                       "failure",
		"registry.example.com/team/app:1.4 reference.tag":                 "passed",
		"registry.example.com/team/app:1.4 signature":                     "error",
		"registry.example.com/team/app:1.4 config.nonRoot (linux/amd64)":  "passed",
		"registry.example.com/team/app:1.4 content.shells (linux/amd64)":  "failure",
		"registry.example.com/team/app:1.4 content.shells (linux/arm64)":  "error",
		"registry.example.com/team/app:1.4 sbom.complete":                 "skipped",
		"registry.example.com/team/app:1.4 vulnerabilities (linux/amd64)": "failure",
		"oci:build/image verdict":                                         "passed",
		"oci:build/image signature":                                       "passed",
		"registry.example.com/gone:1 verdict":                             "error",
		"registry.example.com/gone:1 resolve":                             "error",
	}, ended)
	assert.Equal(t, []int{12, 3, 4, 1}, []int{suites.Tests, suites.Failures, suites.Errors, suites.Skipped})
}

func TestNothingThatWasNotJudgedPasses(t *testing.T) {
	t.Parallel()
	forgotten := gate.Report{Tool: gate.Tool{Name: "imagegate"}, Results: []gate.Result{{Reference: "app",
		Findings: []policy.Finding{{Rule: "resolve", Outcome: "sure", Message: "a word that is no outcome"}}}}}
	var suites junitSuites
	require.NoError(t, xml.Unmarshal([]byte(written(t, "junit", forgotten)), &suites))
	assert.Equal(t, 2, suites.Errors)
	assert.False(t, readSARIF(t, forgotten).Runs[0].Invocations[0].ExecutionSuccessful)
	assert.Contains(t, written(t, "gitlab", forgotten), `"status": "failure"`)
	assert.Contains(t, written(t, "github", forgotten), "::error title=UNDECIDED")
	for _, format := range []string{"text", "markdown", "github-summary"} {
		assert.Contains(t, written(t, format, forgotten), "UNDECIDED", format)
	}
	assert.Contains(t, written(t, "html", forgotten), "could not be judged")
}

func TestGitHubAnnotationsAreOneCommandALine(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^::(error|warning|notice) title=[^:,]*::[^\r]*$`)
	out := written(t, "github", sample())
	for l := range strings.Lines(out) {
		assert.Regexp(t, form, strings.TrimSuffix(l, "\n"))
	}
	assert.True(t, strings.HasPrefix(out, "::error title=DENIED registry.example.com/team/app%3A1.4::"), "the verdict is first")
}

func TestGitHubListsSomeOfVeryManyFindings(t *testing.T) {
	t.Parallel()
	r := sample()
	for range 5000 {
		r.Results[0].Findings = append(r.Results[0].Findings, policy.Finding{Rule: "vulnerabilities", Outcome: policy.Fail, Message: "100% bad"})
	}
	out := written(t, "github", r)
	assert.Contains(t, out, "%0A… and 4992 more\n")
	assert.Contains(t, out, "100%25 bad")
}

func TestGitHubSummaryFitsItsLimit(t *testing.T) {
	t.Parallel()
	r := sample()
	for range 200 {
		r.Results[0].Findings = append(r.Results[0].Findings, policy.Finding{Rule: "vulnerabilities", Outcome: policy.Fail,
			Vulnerability: "CVE-2026-0001", Message: strings.Repeat("bad ", 300)})
	}
	one := written(t, "github-summary", r)
	assert.Contains(t, one, "and 162 more")
	for range 30 {
		r.Results = append(r.Results, r.Results[0])
	}
	out := written(t, "github-summary", r)
	assert.LessOrEqual(t, len(out), 1<<20)
	assert.Contains(t, out, "do not fit here")
	head, _, found := strings.Cut(out, "\n## ")
	assert.True(t, found)
	assert.Equal(t, 33, strings.Count(head, "registry.example.com")+strings.Count(out, "| oci:build"), "every verdict is there")
	assert.NotContains(t, written(t, "markdown", r), "do not fit here")
}

// TestGitLabHasWhatItsSchemaRequires holds the report to the required fields, the
// patterns and the words of GitLab's container scanning schema 15.0.7, which is
// not part of this repository.
func TestGitLabHasWhatItsSchemaRequires(t *testing.T) {
	t.Parallel()
	const tool = `{"type": "object", "required": ["id", "name", "version", "vendor"], "properties": {
		"id": {"$ref": "#/$defs/text"}, "name": {"$ref": "#/$defs/text"}, "version": {"$ref": "#/$defs/text"},
		"url": {"pattern": "^https?://.+"}, "vendor": {"type": "object", "required": ["name"], "properties": {"name": {"$ref": "#/$defs/text"}}}}}`
	const required = `{"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {
		"text": {"type": "string", "minLength": 1},
		"time": {"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}$"},
		"address": {"type": "string", "pattern": "^(https?|ftp)://.+"}},
	"type": "object", "required": ["scan", "version", "vulnerabilities"], "properties": {
		"version": {"pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+$"},
		"scan": {"type": "object", "required": ["analyzer", "end_time", "scanner", "start_time", "status", "type"], "properties": {
			"analyzer": ` + tool + `, "scanner": ` + tool + `,
			"start_time": {"$ref": "#/$defs/time"}, "end_time": {"$ref": "#/$defs/time"},
			"status": {"enum": ["success", "failure"]}, "type": {"const": "container_scanning"},
			"messages": {"type": "array", "items": {"type": "object", "required": ["level", "value"], "properties": {
				"level": {"enum": ["info", "warn", "fatal"]}, "value": {"$ref": "#/$defs/text"}}}}}},
		"vulnerabilities": {"type": "array", "items": {"type": "object", "required": ["id", "identifiers", "location"], "properties": {
			"id": {"$ref": "#/$defs/text"}, "name": {"type": "string", "maxLength": 255},
			"description": {"type": "string", "maxLength": 1048576}, "solution": {"type": "string", "maxLength": 7000},
			"severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
			"identifiers": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["type", "name", "value"], "properties": {
				"type": {"$ref": "#/$defs/text"}, "name": {"$ref": "#/$defs/text"}, "value": {"$ref": "#/$defs/text"}, "url": {"$ref": "#/$defs/address"}}}},
			"links": {"type": "array", "items": {"type": "object", "required": ["url"], "properties": {"url": {"$ref": "#/$defs/address"}}}},
			"location": {"type": "object", "required": ["dependency", "operating_system", "image"], "properties": {
				"operating_system": {"$ref": "#/$defs/text"}, "image": {"$ref": "#/$defs/text"},
				"dependency": {"type": "object", "required": ["package", "version"], "properties": {
					"version": {"type": "string"}, "package": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}}}}}}}}}`
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(required))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("gitlab.json", doc))
	schema, err := compiler.Compile("gitlab.json")
	require.NoError(t, err)
	long := sample()
	long.Results[0].Platforms[0].Vulnerabilities[0].Package = strings.Repeat("é", 5000)
	long.Results[0].Platforms[0].Vulnerabilities[0].FixedIn = []string{strings.Repeat("*", 9000)}
	for name, r := range map[string]gate.Report{"sample": sample(), "empty": {Tool: gate.Tool{Name: "imagegate"}}, "long": long} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(written(t, "gitlab", r)))
		require.NoError(t, err)
		assert.NoError(t, schema.Validate(doc), name)
	}
}

func TestGitLabKnowsAVulnerabilityByItsCVE(t *testing.T) {
	t.Parallel()
	var doc struct {
		Vulnerabilities []struct {
			ID          string
			Links       []struct{}
			Identifiers []struct{ Value string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(written(t, "gitlab", sample())), &doc))
	require.Len(t, doc.Vulnerabilities, 13, "all that are known, refused or not")
	last := doc.Vulnerabilities[12]
	assert.Equal(t, "CVE-2024-0001", last.Identifiers[0].Value)
	assert.Empty(t, last.Links, "javascript: is no web address")
	seen := map[string]bool{}
	for _, v := range doc.Vulnerabilities {
		assert.False(t, seen[v.ID], "ids are unique")
		seen[v.ID] = true
	}
}

// TestVeryManyVulnerabilities would not end if a writer looked each of them up in
// all of them.
func TestVeryManyVulnerabilities(t *testing.T) {
	t.Parallel()
	r := large(5000, 5000)
	for _, format := range report.Formats() {
		write, err := report.Lookup(format)
		require.NoError(t, err)
		require.NoError(t, write(io.Discard, r, report.Options{}), format)
	}
}
