package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// now is the moment of every test.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func digestOf(c string) string { return "sha256:" + strings.Repeat(c, 64) }

func ref[T any](v T) *T { return &v }

func done(steps ...policy.Step) map[policy.Step]policy.Status {
	m := map[policy.Step]policy.Status{}
	for _, s := range steps {
		m[s] = policy.Status{State: policy.Done}
	}
	return m
}

// goodPlatform is a platform image with nothing to complain about.
func goodPlatform(name, digest string) policy.Platform {
	return policy.Platform{
		Name: name, Digest: digest,
		Config: policy.Config{
			User: "10001:10001", UID: ref[int64](10001), GID: ref[int64](10001), Entrypoint: []string{"/app"},
			Labels:   map[string]string{"org.opencontainers.image.source": "https://git.example.com/app"},
			Runnable: &policy.Runnable{OK: true, Path: "/app"},
		},
		Size:     policy.Size{CompressedBytes: 10 << 20, UncompressedBytes: 30 << 20, Files: 10, Layers: 2},
		Packages: []sbom.Package{{Name: "openssl", Version: "3.0.1", Type: "deb"}},
		Steps:    done(policy.StepConfig, policy.StepFiles, policy.StepSBOM, policy.StepVulnerabilities),
	}
}

// goodImage is the evidence of one image that restricted allows, given a signer
// called release.
func goodImage() policy.Evidence {
	return policy.Evidence{
		SchemaVersion: policy.EvidenceVersion,
		Reference: policy.Reference{
			Typed: "registry.example.com/team/app:v1", Transport: "registry",
			Registry: "registry.example.com", Repository: "team/app", Tag: "v1",
		},
		Digest:     digestOf("a"),
		Signatures: []policy.Signature{{Signer: "release", Kind: "key", Layout: "tag", SubjectDigest: digestOf("a")}},
		Platforms:  []policy.Platform{goodPlatform("linux/amd64", digestOf("a"))},
		Database:   &sbom.Database{Built: now.Add(-24 * time.Hour), Checksum: "sha256:db", Schema: "6.1.10"},
		Steps:      done(policy.StepResolve, policy.StepSignatures),
	}
}

// goodIndex is the evidence of an index of two platform images.
func goodIndex() policy.Evidence {
	e := goodImage()
	e.Platforms = []policy.Platform{goodPlatform("linux/amd64", digestOf("b")), goodPlatform("linux/arm64/v8", digestOf("c"))}
	return e
}

const head = "apiVersion: imagegate.dev/v1\nkind: Policy\nmetadata: {name: test}\n"

const releaseSigner = "signatures: {signers: [{name: release, key: {file: release.pub}}]}\n"

func parse(t *testing.T, body string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse("test.yaml", []byte(head+body))
	require.NoError(t, err)
	return p
}

// about are the findings of one rule.
func about(v policy.Verdict, rule string) []policy.Finding {
	var list []policy.Finding
	for _, f := range v.Findings {
		if f.Rule == rule {
			list = append(list, f)
		}
	}
	return list
}
