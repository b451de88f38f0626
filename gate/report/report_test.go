package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

var update = flag.Bool("update", false, "write the golden files")

// sample is a report with each outcome and with hostile text.
func sample() gate.Report {
	score := 9.8
	built := time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)
	denied := gate.Result{
		Reference: "registry.example.com/team/app:1.4",
		Digest:    "sha256:" + strings.Repeat("ab", 32),
		Stage:     policy.StageBuild,
		Verdict:   policy.Deny,
		Platforms: []policy.Platform{{
			Name:   "linux/amd64",
			Digest: "sha256:" + strings.Repeat("cd", 32),
			Size:   policy.Size{CompressedBytes: 75_000_000, Layers: 3},
			Steps:  map[policy.Step]policy.Status{policy.StepSBOM: {State: policy.Done}},
			Vulnerabilities: []sbom.Vulnerability{{
				ID: "CVE-2023-38545", Package: "curl", Version: "7.88.1-10", Type: "deb", CVSS: &score, FixState: sbom.FixFixed,
			}},
		}},
		Findings: []policy.Finding{
			{Rule: "config.nonRoot", Outcome: policy.Pass, Platform: "linux/amd64", Message: "runs as 65532"},
			{Rule: "content.shells", Outcome: policy.Fail, Platform: "linux/amd64",
				Message: "/bin/sh\x1b[2J\u202e (dash) in layer 1", Remedy: "build on an image without a shell"},
			{Rule: "reference.tag", Outcome: policy.Warn, Message: "the tag is latest", Exception: &policy.Exception{
				Owner: "team-a", Reason: "until the release", Expires: built}},
			{Rule: "signature", Outcome: policy.Undecided, Message: "the registry answered 503", Remedy: "try again"},
			{Rule: "sbom.complete", Outcome: policy.Skipped, Message: "off"},
		},
	}
	for range 12 {
		denied.Findings = append(denied.Findings, policy.Finding{Rule: "vulnerabilities", Outcome: policy.Fail,
			Platform: "linux/amd64", Vulnerability: "CVE-2023-38545", Package: "curl",
			Message: "CVE-2023-38545 in curl 7.88.1-10: CVSS 9.8", Remedy: "upgrade curl to 7.88.1-10+deb12u4"})
	}
	allowed := gate.Result{
		Reference: "oci:build/image", Digest: "sha256:" + strings.Repeat("ef", 32), Stage: policy.StageBuild, Verdict: policy.Allow,
		Signatures: []policy.Signature{{Signer: "ci", Kind: "keyless", Identity: "ci@example.com"}},
		Findings:   []policy.Finding{{Rule: "signature", Outcome: policy.Pass}},
	}
	return gate.Report{
		SchemaVersion: gate.ReportVersion,
		Tool:          gate.Tool{Name: "imagegate", Version: "v0"},
		Policy:        gate.PolicyRef{Name: "restricted", Hash: "sha256:" + strings.Repeat("12", 32)},
		Database:      &sbom.Database{Built: built, Checksum: "xxh64:1"},
		Results:       []gate.Result{denied, allowed},
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, format := range report.Formats() {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			write, err := report.Lookup(format)
			require.NoError(t, err)
			var out bytes.Buffer
			require.NoError(t, write(&out, sample(), report.Options{}))
			golden := filepath.Join("testdata", "report."+format)
			if *update {
				require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), out.String())
		})
	}
}

func TestTextFitsItsWidth(t *testing.T) {
	t.Parallel()
	for _, width := range []int{60, 80, 120} {
		var out bytes.Buffer
		require.NoError(t, report.Text(&out, sample(), report.Options{Width: width, Color: true}))
		for l := range strings.Lines(out.String()) {
			if strings.Contains(l, "sha256:abab") || strings.Contains(l, "sha256:efef") {
				continue // a digest is for copying: it is never broken
			}
			assert.LessOrEqual(t, ansi.StringWidth(strings.TrimSuffix(l, "\n")), width, "%q", l)
		}
	}
}

func TestHostileTextCannotDriveTheTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, report.Text(&out, sample(), report.Options{}))
	assert.NotContains(t, out.String(), "\x1b")
	assert.NotContains(t, out.String(), "\u202e")
	assert.Contains(t, out.String(), `/bin/sh\x1b[2J\u202e`)
}

func TestUnknownFormat(t *testing.T) {
	t.Parallel()
	_, err := report.Lookup("jsn")
	var unknown *report.UnknownFormatError
	require.ErrorAs(t, err, &unknown)
	assert.Equal(t, `did you mean "json"?`, unknown.Remedy())
}

func FuzzLines(f *testing.F) {
	f.Add("a\x1b]0;title\x07\u2028\xff\n")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range report.Lines(s) {
			if r != '\n' && (r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == '\u202e') {
				t.Fatalf("%q lets %U through", s, r)
			}
		}
	})
}
