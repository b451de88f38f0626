package report_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

var built = time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)

func digest(twoDigits string) string { return "sha256:" + strings.Repeat(twoDigits, 32) }

func pointer[T any](v T) *T { return &v }

// hostile is what an image could say to a terminal, a build system, a page, a
// document or a parser.
const hostile = "/bin/sh\x1b[2J\u202e|`x`<script>alert(1)</script>]]>\n::error::##[error]@team [a](https://example.com) 'é\x00"

// sample is a report with each outcome, two platforms, and hostile text.
func sample() gate.Report {
	return gate.Report{
		SchemaVersion: gate.ReportVersion,
		Tool:          gate.Tool{Name: "imagegate", Version: "v0"},
		Policy:        gate.PolicyRef{Name: "restricted", Hash: digest("12")},
		Database:      &sbom.Database{Built: built, Checksum: "xxh64:1", Schema: "6.1.10"},
		Results:       []gate.Result{deniedResult(), allowedResult(), undecidedResult()},
	}
}

func deniedResult() gate.Result {
	done := map[policy.Step]policy.Status{}
	for _, s := range []policy.Step{policy.StepConfig, policy.StepFiles, policy.StepSBOM, policy.StepVulnerabilities} {
		done[s] = policy.Status{State: policy.Done}
	}
	r := gate.Result{
		Reference: "registry.example.com/team/app:1.4",
		Digest:    digest("ab"),
		Stage:     policy.StageBuild,
		Verdict:   policy.Deny,
		Platforms: []policy.Platform{amd64(done), {
			Name: "linux/arm64", Digest: digest("ce"), Size: policy.Size{CompressedBytes: 70_000_000, Layers: 3},
			Steps: map[policy.Step]policy.Status{policy.StepConfig: {State: policy.Done},
				policy.StepFiles: {State: policy.Failed, Error: "the registry answered 503 for layer 2"}},
		}},
		Rejected: []policy.Rejection{{SubjectDigest: digest("ab"), Layout: "tag", Source: digest("99") + " layer 0",
			Reason: "the payload names another digest"}},
		Findings: []policy.Finding{
			{Rule: "reference.tag", Outcome: policy.Warn, Message: "the tag is latest", Exception: &policy.Exception{
				Owner: "team-a", Reason: "until the release", Expires: built}},
			{Rule: "signature", Outcome: policy.Undecided, Message: "the registry answered 503", Remedy: "try again"},
			{Rule: "config.nonRoot", Outcome: policy.Pass, Platform: "linux/amd64", Message: "runs as 65532"},
			{Rule: "content.shells", Outcome: policy.Fail, Platform: "linux/amd64", Expected: "no shell", Actual: hostile,
				Message: hostile + " (dash) in layer 1", Remedy: "build on an image without a shell"},
			{Rule: "content.shells", Outcome: policy.Pass, Platform: "linux/amd64", Message: "shell /bin/busybox", Exception: &policy.Exception{
				Owner: "team-b", Reason: "debugging", Expires: built}},
			{Rule: "content.shells", Outcome: policy.Undecided, Platform: "linux/arm64", Message: "could not be judged: the registry answered 503 for layer 2"},
			{Rule: "sbom.complete", Outcome: policy.Skipped, Message: "the policy does not ask for it"},
		},
		Timings:  map[policy.Step]int64{policy.StepFiles: 1200, policy.StepSBOM: 300},
		JudgedAt: built.Add(time.Hour),
	}
	for i := range 12 {
		v := r.Platforms[0].Vulnerabilities[i]
		r.Findings = append(r.Findings, policy.Finding{Rule: "vulnerabilities", Outcome: policy.Fail, Platform: "linux/amd64",
			Vulnerability: v.ID, Package: v.Package, Message: v.ID + " in curl 7.88.1-10: CVSS 9.8", Remedy: "upgrade curl to 7.88.1-10+deb12u4"})
	}
	return r
}

func amd64(done map[policy.Step]policy.Status) policy.Platform {
	p := policy.Platform{
		Name:   "linux/amd64",
		Digest: digest("cd"),
		Config: policy.Config{User: "65532", UID: pointer(int64(65532)), GID: pointer(int64(65532)), Entrypoint: []string{"/app", "--name=a b"},
			Runnable: &policy.Runnable{OK: true, Path: "/app"}, Created: &built},
		Size: policy.Size{CompressedBytes: 75_000_000, UncompressedBytes: 190_000_000, Files: 4211, Layers: 3,
			LayerSizes: []policy.LayerSize{{Digest: digest("01"), Bytes: 50_000_000}, {Digest: digest("02"), Bytes: 24_999_000}, {Digest: digest("03"), Bytes: 1000}},
			Largest:    []policy.DirectorySize{{Path: "/usr/lib", Bytes: 120_000_000}, {Path: "/app", Bytes: 60_000_000}}},
		Content:      []policy.Content{{Class: policy.ClassShell, Path: hostile, Layer: digest("a1"), Via: "content", Name: "dash"}},
		Distribution: sbom.Distribution{ID: "debian", VersionID: "12", Name: "Debian GNU/Linux 12 (bookworm)"},
		Packages: []sbom.Package{{Name: "curl", Version: "7.88.1-10", Type: "deb", PURL: "pkg:deb/debian/curl@7.88.1-10", Paths: []string{"/var/lib/dpkg/status"}},
			{Name: hostile, Version: "1", Type: "npm"}, {Name: "zlib1g", Version: "1:1.2.13", Type: "deb"}},
		Steps: done,
	}
	for i := range 12 {
		p.Vulnerabilities = append(p.Vulnerabilities, sbom.Vulnerability{
			ID: fmt.Sprintf("CVE-2023-385%02d", i+45), Package: "curl", Version: "7.88.1-10", Type: "deb", Severity: sbom.SeverityCritical,
			CVSS: pointer(9.8), Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", ScoreSource: "nvd", KEV: i == 0, EPSS: pointer(0.26),
			FixState: sbom.FixFixed, FixedIn: []string{"7.88.1-10+deb12u4"}, DataSource: "https://security-tracker.debian.org/tracker/CVE-2023-38545",
		})
	}
	p.Vulnerabilities = append(p.Vulnerabilities, sbom.Vulnerability{
		ID: "GHSA-0000-0000-0000", Aliases: []string{"CVE-2024-0001"}, Package: hostile, Version: "1", Type: "npm", Severity: "unknown",
		FixState: sbom.FixNotFixed, DataSource: "javascript:alert(1)", Description: hostile,
	})
	return p
}

func allowedResult() gate.Result {
	return gate.Result{
		Reference: "oci:build/image", Digest: digest("ef"), Stage: policy.StageBuild, Verdict: policy.Allow,
		Signatures: []policy.Signature{{Signer: "ci", Kind: "keyless", Identity: "ci@example.com", Issuer: "https://accounts.example.com",
			SubjectDigest: digest("ef"), LoggedAt: &built, SignedAt: &built}},
		Findings: []policy.Finding{{Rule: "signature", Outcome: policy.Pass, Message: "the image is signed by ci"}},
		JudgedAt: built.Add(time.Hour),
	}
}

// undecidedResult is of an image that the registry did not give.
func undecidedResult() gate.Result {
	return gate.Result{
		Reference: "registry.example.com/gone:1", Stage: policy.StageBuild, Verdict: policy.NotDecidable,
		Findings: []policy.Finding{{Rule: "resolve", Outcome: policy.Undecided, Message: "could not be judged: the registry did not answer"}},
		JudgedAt: built.Add(time.Hour),
	}
}

// large is a denied image with many packages and as many vulnerabilities as are
// asked for, each of which the policy refuses.
func large(packages, vulnerabilities int) gate.Report {
	r := sample()
	r.Results = r.Results[:1]
	p := &r.Results[0].Platforms[0]
	for i := range packages {
		p.Packages = append(p.Packages, sbom.Package{Name: fmt.Sprintf("package-%04d", i), Version: fmt.Sprintf("1.%d", i), Type: "npm",
			Paths: []string{fmt.Sprintf("/app/node_modules/package-%04d/package.json", i)}})
	}
	for i := range vulnerabilities {
		v := sbom.Vulnerability{ID: fmt.Sprintf("CVE-2026-%05d", i), Package: fmt.Sprintf("package-%04d", i), Version: fmt.Sprintf("1.%d", i),
			Type: "npm", Severity: sbom.SeverityHigh, CVSS: pointer(7.0 + float64(i%30)/10), FixState: sbom.FixFixed, FixedIn: []string{"2"}}
		p.Vulnerabilities = append(p.Vulnerabilities, v)
		r.Results[0].Findings = append(r.Results[0].Findings, policy.Finding{Rule: "vulnerabilities", Outcome: policy.Fail, Platform: p.Name,
			Vulnerability: v.ID, Package: v.Package, Message: v.ID + " in " + v.Package})
	}
	return r
}
