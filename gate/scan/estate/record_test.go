package estate_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/scan/estate"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

var day = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

// small is a record with one of everything.
func small() estate.Record {
	score := 9.8
	return estate.Record{
		SchemaVersion: estate.RecordVersion, Scan: "scan-1", References: []string{"registry.example.com/app:1"},
		Digest: digest("a"), Verdict: policy.Deny, Stage: policy.StageScan, JudgedAt: day,
		Findings: []estate.Finding{{
			Rule: "vulnerabilities", Outcome: policy.Fail, Message: "CVE-1 in openssl", Remedy: "upgrade", Count: 2,
			Exception: &estate.Exception{About: "CVE-1", Owner: "team-a", Reason: "soon", Expires: day},
		}},
		Platforms: []estate.Platform{{Platform: "linux/amd64", Digest: digest("b"), Packages: 3, Layers: []estate.Layer{{Digest: digest("c"), Bytes: 10}}}},
		Vulnerabilities: []estate.Vulnerability{{
			ID: "CVE-1", Package: "openssl", Version: "1", Type: "deb", Severity: "high", CVSS: &score,
			FixedIn: []string{"2"}, KEV: true, Outcome: policy.Fail, Layer: digest("d"),
		}},
		Severities: map[string]int{"high": 1}, PulledBytes: 10, SavedBytes: 5, Cache: map[string]string{"sbom": "hit"}, Worker: "one",
	}
}

func records(t *testing.T, text string) []estate.Record {
	t.Helper()
	var list []estate.Record
	for r, err := range estate.Read(strings.NewReader(text)) {
		require.NoError(t, err)
		list = append(list, r)
	}
	return list
}

func TestRecordsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, estate.Write(&b, small()))
	require.NoError(t, estate.Write(&b, small()))
	require.Equal(t, []estate.Record{small(), small()}, records(t, b.String()))
	require.Equal(t, 2, strings.Count(b.String(), "\n"))
}

func TestDamagedLinesAreErrors(t *testing.T) {
	t.Parallel()
	line, err := small().Line()
	require.NoError(t, err)
	good := string(line)
	for name, c := range map[string]struct {
		text, want string
		torn       bool
	}{
		"torn":             {text: good + good[:len(good)/2], want: "reading line 2: unexpected EOF", torn: true},
		"unknown field":    {text: `{"verdikt":"allow"}` + "\n", want: `unknown field "verdikt"`},
		"no verdict":       {text: strings.Replace(good, `"verdict":"deny"`, `"verdict":"ok"`, 1), want: `its verdict is "ok"`},
		"other version":    {text: strings.Replace(good, `"schemaVersion":"1"`, `"schemaVersion":"2"`, 1), want: `schemaVersion is "2"`},
		"allowed nothing":  {text: strings.NewReplacer(digest("a"), "", `"deny"`, `"allow"`).Replace(good), want: "without a digest"},
		"odd digest":       {text: strings.Replace(good, digest("a"), "sha256:abc", 1), want: `its digest is "sha256:abc"`},
		"negative":         {text: strings.Replace(good, `"pulledBytes":10`, `"pulledBytes":-10`, 1), want: "negative"},
		"two values":       {text: strings.TrimSpace(good) + " {}\n", want: "more than one value"},
		"no stage":         {text: strings.Replace(good, `"stage":"scan"`, `"stage":"x"`, 1), want: `its stage is "x"`},
		"no time":          {text: strings.Replace(good, `"judgedAt":"2027-03-01T12:00:00Z"`, `"judgedAt":"0001-01-01T00:00:00Z"`, 1), want: "when it was judged"},
		"no reference":     {text: strings.Replace(good, `["registry.example.com/app:1"]`, `[]`, 1), want: "no reference"},
		"long":             {text: strings.Repeat(" ", estate.MaxLine+10) + "\n", want: "longer than"},
		"endless":          {text: strings.Repeat("x", 3*estate.MaxLine), want: "longer than"},
		"another language": {text: "<html>\n", want: "reading line 1: invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var last error
			for _, err := range estate.Read(strings.NewReader(c.text)) {
				last = err
			}
			require.ErrorContains(t, last, c.want)
			var at *estate.LineError
			require.ErrorAs(t, last, &at)
			require.Equal(t, c.torn, at.Torn)
			require.NotEmpty(t, at.Remedy())
		})
	}
}

func TestEmptyLinesAndTheLastEndAreOptional(t *testing.T) {
	t.Parallel()
	line, err := small().Line()
	require.NoError(t, err)
	require.Len(t, records(t, "\n"+string(line)+"\r\n"+strings.TrimSpace(string(line))), 2)
	require.Empty(t, records(t, ""))
}

func TestAReaderThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	var last error
	for _, err := range estate.Read(io.MultiReader(strings.NewReader("\n"), iotest.ErrReader(broken))) {
		last = err
	}
	require.ErrorIs(t, last, broken)
}

// TestLinesAreBounded writes a record that is as large and as hard to escape as can be.
func TestLinesAreBounded(t *testing.T) {
	t.Parallel()
	hostile := strings.Repeat("\x01<", 5000)
	r := small()
	f, v, p := r.Findings[0], r.Vulnerabilities[0], r.Platforms[0]
	f.Message, f.Remedy, f.Rule = hostile, hostile, hostile
	nan := math.NaN()
	v.ID, v.Package, v.FixedIn, v.CVSS = hostile, hostile, []string{hostile, hostile}, &nan
	for range 3000 {
		r.References = append(r.References, hostile)
		r.Findings = append(r.Findings, f)
		r.Vulnerabilities = append(r.Vulnerabilities, v)
		r.Platforms = append(r.Platforms, p)
		r.Platforms[0].Layers = append(r.Platforms[0].Layers, p.Layers[0])
	}
	line, err := r.Line()
	require.NoError(t, err)
	require.LessOrEqual(t, len(line), estate.MaxLine+1)
	read, err := estate.ParseLine(line)
	require.NoError(t, err)
	require.Equal(t, "registry.example.com/app:1", read.References[0])
	require.Equal(t, 3001, len(read.Findings)+read.Omitted["findings"])
	require.Equal(t, 3001, len(read.Vulnerabilities)+read.Omitted["vulnerabilities"])
	require.Equal(t, 3001, len(read.Platforms)+read.Omitted["platforms"])
}

func TestNewRecordKeepsWhatDecided(t *testing.T) {
	t.Parallel()
	low, high := 3.0, 8.1
	until := &policy.Exception{Vulnerability: "CVE-3", Package: "curl", Owner: "team-a", Reason: "x", Expires: day}
	vulnerability := func(id, name string, score *float64, kev bool) sbom.Vulnerability {
		return sbom.Vulnerability{ID: id, Package: name, Version: "1", Type: "deb", Severity: "High", CVSS: score, KEV: kev, FixedIn: []string{"2"}}
	}
	all := []sbom.Vulnerability{
		vulnerability("CVE-1", "openssl", &low, false), vulnerability("CVE-2", "zlib", &low, true),
		vulnerability("CVE-3", "curl", &high, false), vulnerability("CVE-4", "curl", nil, false),
	}
	platform := func(name string) policy.Platform {
		return policy.Platform{
			Name: name, Digest: digest("b"), Vulnerabilities: all,
			Size:     policy.Size{LayerSizes: []policy.LayerSize{{Digest: digest("c"), Bytes: 7}}},
			Packages: []sbom.Package{{Name: "openssl", Version: "1", Type: "deb", Layer: digest("d")}, {Name: "curl", Version: "1", Type: "deb"}},
		}
	}
	finding := func(outcome policy.Outcome, platform, id, name string, e *policy.Exception) policy.Finding {
		return policy.Finding{Rule: policy.RuleVulnerabilities, Outcome: outcome, Platform: platform, Vulnerability: id, Package: name, Message: id, Exception: e}
	}
	r := estate.NewRecord(gate.Result{
		Reference: "registry.example.com/app:1", Digest: digest("a"), Verdict: policy.Deny, Stage: policy.StageScan, JudgedAt: day,
		Platforms: []policy.Platform{platform("linux/amd64"), platform("linux/arm64")},
		Findings: []policy.Finding{
			{Rule: "config.nonRoot", Outcome: policy.Pass}, {Rule: "content.shells", Outcome: policy.Warn, Message: "a shell"},
			finding(policy.Pass, "linux/amd64", "CVE-3", "curl", until),
			finding(policy.Fail, "linux/arm64", "CVE-1", "openssl", nil), finding(policy.Fail, "linux/amd64", "CVE-1", "openssl", nil),
			{Rule: "signatures", Outcome: policy.Undecided, Message: "the registry answered 503"},
		},
		Timings: map[policy.Step]int64{policy.StepFiles: 20, policy.StepSBOM: 22},
	})
	require.Equal(t, map[string]int{"high": 4}, r.Severities)
	require.Equal(t, int64(42), r.Milliseconds)
	var rules []string
	for _, f := range r.Findings {
		rules = append(rules, f.Rule+" "+string(f.Outcome))
	}
	require.Equal(t, []string{"vulnerabilities fail", "signatures undecided", "content.shells warn", "vulnerabilities pass"}, rules)
	require.Equal(t, 2, r.Findings[0].Count)
	require.Empty(t, r.Findings[0].Platform)
	require.Equal(t, &estate.Exception{About: "CVE-3 in curl", Owner: "team-a", Reason: "x", Expires: day}, r.Findings[3].Exception)

	var decided []string
	for _, v := range r.Vulnerabilities {
		decided = append(decided, v.ID+" "+string(v.Outcome))
	}
	require.Equal(t, []string{"CVE-1 fail", "CVE-2 ", "CVE-3 pass"}, decided)
	require.Equal(t, digest("d"), r.Vulnerabilities[0].Layer)
	require.Equal(t, 2, r.Platforms[0].Packages)
	_, err := r.Line()
	require.NoError(t, err)
}

func FuzzRead(f *testing.F) {
	line, err := small().Line()
	require.NoError(f, err)
	f.Add(line)
	f.Add(append(line, line[:40]...))
	f.Add([]byte(`{"schemaVersion":"1","references":["x"],"verdict":"undecided","stage":"scan","judgedAt":"2027-03-01T12:00:00Z"}`))
	f.Add([]byte("{}\n[]\nnull\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for r, err := range estate.Read(bytes.NewReader(data)) {
			if err != nil {
				return
			}
			// What was read can be written, and then reads the same.
			line, err := r.Line()
			require.NoError(t, err)
			again, err := estate.ParseLine(line)
			require.NoError(t, err)
			require.Equal(t, r.Verdict, again.Verdict)
			require.Equal(t, r.Digest, again.Digest)
		}
	})
}
