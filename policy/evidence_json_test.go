package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
)

func TestEvidenceIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	for name, e := range images() {
		if e.SchemaVersion == "" {
			continue
		}
		data, err := policy.EncodeEvidence(e)
		require.NoError(t, err, name)
		again, err := policy.DecodeEvidence(data)
		require.NoError(t, err, name)
		for policyName, p := range policies(t) {
			require.Equal(t, p.Evaluate(e, policy.StageScan, now), p.Evaluate(again, policy.StageScan, now), "%s %s", name, policyName)
		}
	}
}

func TestDecodeEvidenceComplaints(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"":                                      "not evidence: unexpected end of JSON input",
		"[]":                                    "not evidence: cannot unmarshal array",
		`{"schemaVersion": "2", "new": 1}`:      `the evidence is of version "2", not 1`,
		"{}":                                    "not evidence: it names no schemaVersion",
		`{"schemaVersion": "1", "results": []}`: "a report, not evidence",
		`{"schemaVersion": "1", "plattforms": []}`:        `unknown field "plattforms"`,
		"{\"schemaVersion\": \"1\",\n\"platforms\": 7}":   "cannot unmarshal number into Go struct field Evidence.platforms of type []policy.Platform (line 2)",
		`{"schemaVersion": "1"} {}`:                       "after top-level value",
		`{"schemaVersion": "1"`:                           "(line 1)",
		`{"schemaVersion": ` + strings.Repeat("[", 20000): "exceeded max depth",
		strings.Repeat(" ", policy.MaxEvidenceBytes+1):    "too large",
	} {
		_, err := policy.DecodeEvidence([]byte(data))
		var wrong *policy.EvidenceError
		require.ErrorAs(t, err, &wrong)
		require.ErrorContains(t, err, want)
	}
}

// Whatever is read is judged without a panic, and never allowed by accident: the
// steps that were not done are not.
func FuzzDecodeEvidence(f *testing.F) {
	for _, e := range images() {
		data, err := policy.EncodeEvidence(e)
		require.NoError(f, err)
		f.Add(data)
	}
	p, err := policy.Parse("fuzz.yaml", []byte(head+"extends: restricted\n"+releaseSigner+customRule("image.packages.size() > 0")))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := policy.DecodeEvidence(data)
		if err != nil {
			return
		}
		if len(e.Platforms) == 0 && p.Evaluate(e, policy.StageScan, now).Decision == policy.Allow {
			t.Fatal("nothing was judged, and it was allowed")
		}
	})
}
