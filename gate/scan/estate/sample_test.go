package estate_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/scan/estate"
	"github.com/imagegate/imagegate/policy"
)

var update = flag.Bool("update", false, "write the golden files anew")

// builder makes one record after another.
type builder struct{ estate.Record }

func record(name, letter string, verdict policy.Decision) *builder {
	built := day.AddDate(0, 0, -1)
	return &builder{estate.Record{
		SchemaVersion: estate.RecordVersion, Scan: "2027-03-01", References: []string{"registry.example.com/" + name}, Digest: digest(letter),
		Verdict: verdict, Stage: policy.StageScan, JudgedAt: day, PolicyHash: digest("e"), DatabaseBuilt: &built,
		Platforms:  []estate.Platform{{Platform: "linux/amd64", Digest: digest(letter), Packages: 90, Layers: []estate.Layer{{Digest: digest("0"), Bytes: 30 << 20}, {Digest: digest("1"), Bytes: 5 << 20}}}},
		Severities: map[string]int{"high": 3, "low": 20}, PulledBytes: 5 << 20, SavedBytes: 30 << 20,
	}}
}

// refuses adds a vulnerability that denies.
func (b *builder) refuses(id, name, from, to, layer string) *builder {
	score := 7.5
	v := estate.Vulnerability{ID: id, Package: name, Version: from, Type: "deb", Severity: "high", CVSS: &score, Outcome: policy.Fail, Layer: layer}
	if to != "" {
		v.FixedIn = []string{to}
	}
	b.Vulnerabilities = append(b.Vulnerabilities, v)
	if len(b.Findings) > 0 && b.Findings[0].Rule == policy.RuleVulnerabilities {
		b.Findings[0].Count = max(1, b.Findings[0].Count) + 1
		return b
	}
	f := estate.Finding{Rule: policy.RuleVulnerabilities, Outcome: policy.Fail, Message: id + " in " + name + " " + from + ": CVSS 7.5", Remedy: "upgrade " + name + " to " + to}
	b.Findings = append([]estate.Finding{f}, b.Findings...)
	return b
}

func (b *builder) finds(rule string, outcome policy.Outcome, message string) *builder {
	b.Findings = append(b.Findings, estate.Finding{Rule: rule, Outcome: outcome, Message: message, Remedy: "mend " + rule})
	return b
}

func (b *builder) excepted(about string, expires time.Time) *builder {
	b.Findings = append(b.Findings, estate.Finding{Rule: policy.RuleVulnerabilities, Outcome: policy.Pass, Message: about + " accepted",
		Exception: &estate.Exception{About: about, Owner: "team-a", Reason: "not reachable", Expires: expires}})
	return b
}

func (b *builder) exploited() *builder {
	b.Vulnerabilities[len(b.Vulnerabilities)-1].KEV = true
	return b
}

// sample is a small estate with one of everything.
func sample() []estate.Record {
	base := digest("7")
	return []estate.Record{
		record("base/debian:12", "a", policy.Deny).refuses("CVE-1", "openssl", "3.0.9", "3.0.15", base).refuses("CVE-2", "zlib", "1.2", "1.3", base).layers(1).Record,
		record("shop/web:1", "b", policy.Deny).refuses("CVE-1", "openssl", "3.0.9", "3.0.15", base).refuses("CVE-2", "zlib", "1.2", "1.3", base).Record,
		record("shop/api:1", "c", policy.Deny).refuses("CVE-1", "openssl", "3.0.9", "3.0.15", base).refuses("CVE-2", "zlib", "1.2", "1.3", base).refuses("CVE-3", "curl", "7", "8", digest("8")).exploited().Record,
		record("shop/root:1", "d", policy.Deny).refuses("CVE-2", "zlib", "1.2", "1.3", base).finds("config.nonRoot", policy.Fail, "the image runs as root").Record,
		record("shop/old:1", "1", policy.Deny).refuses("CVE-4", "glibc", "2.28", "", digest("9")).Record,
		record("shop/curl:1", "2", policy.Deny).refuses("CVE-3", "curl", "7", "8", "").Record,
		record("shop/curl:2", "3", policy.Deny).refuses("CVE-3", "curl", "7", "8", "").refuses("CVE-5", "curl", "7", "8.1", "").Record,
		record("shop/broken:1", "4", policy.NotDecidable).finds("resolve", policy.Undecided, "layer 3 of 7 is not what its digest says").Record,
		record("shop/good:1", "5", policy.Allow).excepted("CVE-9 in perl", day.AddDate(0, 0, 10)).finds("content.shells", policy.Warn, "/bin/sh is a shell").Record,
		record("shop/better:1", "6", policy.Allow).excepted("CVE-8 in tar", day.AddDate(0, 0, -1)).Record,
	}
}

func (b *builder) layers(n int) *builder {
	b.Platforms[0].Layers = b.Platforms[0].Layers[:n]
	return b
}

func estateOf(records ...estate.Record) *estate.Estate {
	e := estate.New()
	for _, r := range records {
		e.Add(r)
	}
	return e
}

// before is the estate a week earlier.
func before() *estate.Estate {
	list := []estate.Record{
		record("shop/web:1", "b", policy.Allow).Record,
		record("shop/good:1", "9", policy.Deny).Record,
		record("shop/better:1", "6", policy.Allow).Record,
		record("shop/gone:1", "8", policy.Allow).Record,
	}
	for i := range list {
		list[i].JudgedAt = day.AddDate(0, 0, -7)
	}
	return estateOf(list...)
}

func summary() estate.Summary {
	return estateOf(sample()...).Summary(estate.Options{Now: day, Baseline: before()})
}

// many is an estate of n images.
func many(n int) *estate.Estate {
	e := estate.New()
	for i := range n {
		verdict := []policy.Decision{policy.Allow, policy.Deny, policy.NotDecidable}[i%3]
		b := record(fmt.Sprintf("team-%d/app-%d:1.%d", i%97, i%1009, i), "a", verdict)
		b.Digest = fmt.Sprintf("sha256:%064x", i)
		b.JudgedAt = day.Add(time.Duration(i) * time.Second)
		b.Platforms[0].Layers[1].Bytes = int64(i) << 10
		switch verdict {
		case policy.Deny:
			for j := range 1 + i%20 {
				b.refuses(fmt.Sprintf("CVE-%d", (i+j)%500), fmt.Sprintf("package-%d", (i+j)%300), "1", fmt.Sprint(2+j%3), fmt.Sprintf("sha256:%064x", i%41))
			}
			if i%5 == 0 {
				b.exploited()
			}
		case policy.NotDecidable:
			b.finds("resolve", policy.Undecided, "the registry answered 503")
		}
		e.Add(b.Record)
	}
	return e
}

func written(t *testing.T, write estate.Writer, s estate.Summary) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, write(&b, s, "imagegate 1.0"))
	return b.String()
}

func TestGoldenFiles(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]estate.Writer{
		"estate.csv": estate.CSV, "estate.md": estate.Markdown, "estate.prom": estate.Prometheus, "estate.html": estate.HTML,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, path := written(t, write, summary()), filepath.Join("testdata", name)
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err, "make it with: go test ./gate/scan/estate -run Golden -update")
			require.Equal(t, string(want), got)
		})
	}
}
