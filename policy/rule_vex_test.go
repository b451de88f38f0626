package policy_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
)

// openVEX is a document about CVE-2024-0001 in openssl.
func openVEX(statement, date string) string {
	return `{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "vex-1", "author": "team-a", "version": 1, "timestamp": "` + date + `T00:00:00Z",
"statements": [{"vulnerability": {"name": "CVE-2024-0001"}, "products": [{"@id": "pkg:deb/debian/openssl"}], ` + statement + `}]}`
}

const (
	notAffected = `"status": "not_affected", "justification": "vulnerable_code_not_in_execute_path"`
	affected    = `"status": "affected", "action_statement": "upgrade"`
)

func vexPolicy(t *testing.T, documents ...string) *policy.Policy {
	t.Helper()
	body := "vulnerabilities: {deny: {cvss: 7}}\nvex:\n  documents:\n"
	for _, d := range documents {
		quoted, err := json.Marshal(d)
		require.NoError(t, err)
		body += "  - {data: " + string(quoted) + "}\n"
	}
	return parse(t, body)
}

func vulnerable() policy.Evidence {
	e := goodImage()
	withVulnerability(&e)
	e.Platforms[0].Vulnerabilities[0].PURL = "pkg:deb/debian/openssl@3.0.1?arch=amd64"
	return e
}

func TestVEX(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		documents []string
		want      policy.Outcome
		says      string
	}{
		"not affected":              {[]string{openVEX(notAffected, "2026-11-01")}, policy.Pass, "not affected, says team-a (vex-1): vulnerable_code_not_in_execute_path"},
		"fixed":                     {[]string{openVEX(`"status": "fixed"`, "2026-11-01")}, policy.Pass, "fixed, says team-a"},
		"under investigation":       {[]string{openVEX(`"status": "under_investigation"`, "2026-11-01")}, policy.Fail, ""},
		"affected":                  {[]string{openVEX(affected, "2026-11-01")}, policy.Fail, ""},
		"affected since":            {[]string{openVEX(notAffected, "2026-11-01"), openVEX(affected, "2026-11-02")}, policy.Fail, ""},
		"affected before":           {[]string{openVEX(affected, "2026-11-01"), openVEX(notAffected, "2026-11-02")}, policy.Pass, ""},
		"both at once, in an order": {[]string{openVEX(affected, "2026-11-01"), openVEX(notAffected, "2026-11-01")}, policy.Fail, ""},
		"both at once, the other":   {[]string{openVEX(notAffected, "2026-11-01"), openVEX(affected, "2026-11-01")}, policy.Fail, ""},
		"said in the future":        {[]string{openVEX(notAffected, "2036-11-01")}, policy.Fail, ""},
	} {
		f := about(vexPolicy(t, c.documents...).Evaluate(vulnerable(), policy.StageScan, now), policy.RuleVulnerabilities)[0]
		require.Equal(t, c.want, f.Outcome, name)
		require.Contains(t, f.Message, c.says, name)
	}
	other := vulnerable()
	other.Platforms[0].Vulnerabilities[0].PURL = "pkg:deb/debian/zlib@1"
	require.Equal(t, policy.Deny, vexPolicy(t, openVEX(notAffected, "2026-11-01")).Evaluate(other, policy.StageScan, now).Decision)
}

// An attestation counts only from signers that the policy names for it.
func TestVEXAttestations(t *testing.T) {
	t.Parallel()
	const signers = "signatures: {required: false, signers: [{name: release, key: {file: a.pub}}, {name: security, key: {file: b.pub}}]}\nvulnerabilities: {deny: {cvss: 7}}\n"
	p := parse(t, signers+"vex: {signers: [security]}\n")
	require.True(t, p.Needs(policy.StageScan).Signatures)
	said := func(signer, digest, predicateType string) policy.Evidence {
		e := vulnerable()
		e.Attestations = []policy.Attestation{{Signer: signer, SubjectDigest: digestOf(digest), PredicateType: predicateType, Predicate: []byte(openVEX(notAffected, "2026-11-01"))}}
		return e
	}
	const openvex = "https://openvex.dev/ns/v0.2.0"
	decide := func(p *policy.Policy, e policy.Evidence) policy.Decision {
		return p.Evaluate(e, policy.StageScan, now).Decision
	}
	good := said("security", "a", openvex)
	require.Equal(t, policy.Allow, decide(p, good))
	require.Contains(t, about(p.Evaluate(good, policy.StageScan, now), policy.RuleVulnerabilities)[0].Message, "says security, in an attestation")
	require.Equal(t, policy.Deny, decide(p, said("release", "a", openvex)), "a signer of images is not one of VEX")
	require.Equal(t, policy.Deny, decide(p, said("mallory", "a", openvex)))
	require.Equal(t, policy.Deny, decide(p, said("security", "d", openvex)), "of another image")
	require.Equal(t, policy.Deny, decide(p, said("security", "a", "https://example.com/ns")))
	require.Equal(t, policy.Deny, decide(parse(t, signers), good), "nobody was named")

	// A CSAF document is attested under the address of its schema.
	csaf := said("security", "a", "https://docs.oasis-open.org/csaf/csaf/v2.0/csaf_json_schema.json")
	csaf.Attestations[0].Predicate = []byte(`{"document": {"category": "csaf_vex", "publisher": {"name": "v"}, "tracking": {"id": "1", "current_release_date": "2026-11-01T00:00:00Z"}},
"product_tree": {"full_product_names": [{"name": "o", "product_id": "O", "product_identification_helper": {"purl": "pkg:deb/debian/openssl"}}]},
"vulnerabilities": [{"cve": "CVE-2024-0001", "product_status": {"fixed": ["O"]}}]}`)
	require.Equal(t, policy.Allow, decide(p, csaf))

	// An override says whose word counts for what it matches.
	only := parse(t, signers+"overrides: [{match: {namespaces: [team-a]}, vex: {signers: [security]}}]\n")
	require.True(t, only.Needs(policy.StageScan).Signatures)
	require.Equal(t, policy.Deny, decide(only, good))
	require.Equal(t, policy.Allow, decide(only.For(good.Reference, "team-a"), good))
	_, err := policy.Parse("p.yaml", []byte(head+signers+"overrides: [{match: {namespaces: [a]}, vex: {signers: [securty]}}]\n"))
	require.ErrorContains(t, err, `overrides[0].vex.signers[0]: unknown signer "securty": did you mean "security"?`)

	require.False(t, p.SignaturesSuffice(good, policy.StageScan, now), "a later attestation may say otherwise")

	broken := good
	broken.Attestations = []policy.Attestation{{Signer: "security", SubjectDigest: digestOf("a"), PredicateType: openvex, Predicate: []byte("{")}}
	require.Equal(t, policy.Deny, decide(p, broken))
	failed(policy.StepSignatures, "503")(&broken)
	require.Equal(t, policy.NotDecidable, decide(p, broken), "what could not be verified may accept it")
	unread := vulnerable()
	unread.Rejected = []policy.Rejection{{Unread: true}}
	require.Equal(t, policy.NotDecidable, decide(p, unread))
}

func TestVEXFilesAreRead(t *testing.T) {
	t.Parallel()
	p := parse(t, "vulnerabilities: {deny: {cvss: 7}}\nvex: {documents: [{file: openvex.json}]}\n")
	require.Equal(t, policy.Deny, p.Evaluate(vulnerable(), policy.StageScan, now).Decision)
	files := map[string]string{"openvex.json": openVEX(notAffected, "2026-11-01")}
	read := func(name string) ([]byte, error) {
		if data, ok := files[name]; ok {
			return []byte(data), nil
		}
		return nil, fs.ErrNotExist
	}
	resolved, err := p.Resolve(read)
	require.NoError(t, err)
	require.Equal(t, policy.Allow, resolved.Evaluate(vulnerable(), policy.StageScan, now).Decision)
	require.NotEqual(t, p.Hash(), resolved.Hash())
	require.Equal(t, "openvex.json", p.VEX.Documents[0].File, "the policy itself is not changed")

	files["openvex.json"] = "{}"
	_, err = p.Resolve(read)
	require.ErrorContains(t, err, "reading the VEX document openvex.json: not a VEX document")
	delete(files, "openvex.json")
	_, err = p.Resolve(read)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestVEXComplaints(t *testing.T) {
	t.Parallel()
	_, err := policy.Parse("test.yaml", []byte(head+`extends: baseline
vex:
  documents: [{}, {file: a, data: "{}"}, {data: "{}"}]
  signers: [security]
`))
	var problems *policy.Error
	require.True(t, errors.As(err, &problems))
	require.Equal(t, `test.yaml:6:15: vex.documents[0]: needs either file or data: write {file: openvex.json}
test.yaml:6:35: vex.documents[1].data: not a VEX document: neither OpenVEX (@context: https://openvex.dev/ns/v0.2.0) nor CSAF (document.category: csaf_vex)
test.yaml:6:49: vex.documents[2].data: not a VEX document: neither OpenVEX (@context: https://openvex.dev/ns/v0.2.0) nor CSAF (document.category: csaf_vex)
test.yaml:7:13: vex.signers[0]: unknown signer "security": there is none`, err.Error())
}
