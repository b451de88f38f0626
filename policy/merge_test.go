package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
)

func named(name, body string) policy.File {
	return policy.File{Name: name + ".yaml", Data: []byte("apiVersion: imagegate.dev/v1\nkind: Policy\nmetadata: {name: " + name + "}\n" + body)}
}

func TestParseFilesJoinsDocuments(t *testing.T) {
	t.Parallel()
	p, err := policy.ParseFiles(
		named("base", "extends: restricted\ncontent: {shells: warn}\nsignatures: {signers: [{name: release, key: {file: release.pub}}]}\n"),
		named("rules", "content: {setuid: warn}\nrules: [{name: a, expression: \"'x' != stage\"}]\nsignatures: {atLeast: 1, signers: [{name: ci, key: {file: ci.pub}}]}\n"),
		named("exceptions", "extends: restricted\nexceptions: [{rule: rules.a, owner: a, reason: b, expires: 2027-01-31}]\n"),
	)
	require.NoError(t, err)
	require.Equal(t, "base+rules+exceptions", p.Name())
	require.Equal(t, policy.BaseRestricted, p.Extends)
	require.Equal(t, []policy.Level{policy.LevelWarn, policy.LevelWarn, policy.LevelDeny}, []policy.Level{p.Content.Shells, p.Content.Setuid, p.Content.Secrets})
	require.Len(t, p.Signatures.Signers, 2)
	require.Len(t, p.Exceptions, 1)

	alone, err := policy.ParseFiles(named("base", "extends: baseline\n"))
	require.NoError(t, err)
	require.Equal(t, "base", alone.Name())
}

// What two documents say differently is an error, and so is everything else that
// is wrong with any of them: all at once, each in its file.
func TestParseFilesComplaints(t *testing.T) {
	t.Parallel()
	_, err := policy.ParseFiles(
		named("a", "extends: restricted\nenforcement: warn\nreference: {denyTags: [latest]}\nconfig: {nonRoot: deny}\n"),
		named("b", "extends: baseline\nenforcement: warn\nreference: {denyTags: [edge]}\nconfig: {nonRoot: [x]}\n"),
	)
	require.EqualError(t, err, `b.yaml:4:10: extends: is set otherwise in a.yaml:4: set it in one of them
b.yaml:6:23: reference.denyTags: is set otherwise in a.yaml:6: set it in one of them
b.yaml:7:19: config.nonRoot: is set otherwise in a.yaml:7: set it in one of them`)

	_, err = policy.ParseFiles(
		named("a", "extends: restricted\nrules: [{name: x, expression: \"imag.x\"}]\ncontent: {shell: deny}\n"),
		named("b", "rules: [{name: x, expression: \"true\"}, {name: y, expression: \"stag == ''\"}]\nexceptions: [{rule: rules.z, owner: a, reason: b, expires: 2027-01-31}]\n"),
	)
	require.EqualError(t, err, `a.yaml:5:32: rules[0].expression: undeclared reference to 'imag': did you mean "image"?
a.yaml:6:11: content: unknown field "shell": did you mean "shells"?
b.yaml:4:16: rules[1].name: "x" is named twice
b.yaml:4:63: rules[2].expression: undeclared reference to 'stag': did you mean "stage"?
b.yaml:5:21: exceptions[0].rule: unknown rule "rules.z": did you mean "rules.x"?`)

	_, err = policy.ParseFiles(policy.File{Name: "a.yaml", Data: []byte("a: [")}, policy.File{Name: "b.yaml", Data: []byte("b: &x 1")})
	require.ErrorContains(t, err, "a.yaml:1: not YAML")
	require.ErrorContains(t, err, "b.yaml:1:4: anchors and aliases are not read")
	_, err = policy.ParseFiles()
	require.Error(t, err)
}

// Documents from different folders name files relative to themselves.
func TestParseFilesFromFolders(t *testing.T) {
	t.Parallel()
	other := named("b", "signatures: {signers: [{name: b, key: {file: b.pub}}, {name: c, key: {file: /keys/c.pub}}]}\n")
	other.Base = "../team"
	p, err := policy.ParseFiles(named("a", "signatures: {signers: [{name: a, key: {file: a.pub}}]}\n"), other)
	require.NoError(t, err)
	var files []string
	for _, s := range p.Signatures.Signers {
		files = append(files, s.Key.File)
	}
	require.Equal(t, []string{"a.pub", "../team/b.pub", "/keys/c.pub"}, files)
}

// What looks like a variable is text: a policy means the same everywhere.
func TestEnvironmentIsNotExpanded(t *testing.T) {
	t.Setenv("TEAM", "evil")
	p := parse(t, `reference: {registries: ["registry.example.com/${TEAM}/**", "registry.example.com/$TEAM/**"]}
signatures: {signers: [{name: "$TEAM", key: {file: "${TEAM}.pub"}}]}
`)
	require.Equal(t, []policy.RegistryGlob{"registry.example.com/${TEAM}/**", "registry.example.com/$TEAM/**"}, p.Reference.From)
	require.Equal(t, "$TEAM", p.Signatures.Signers[0].Name)
	require.Equal(t, "${TEAM}.pub", p.Signatures.Signers[0].Key.File)
	e := goodImage()
	e.Reference.Repository = "evil/app"
	require.Equal(t, policy.Fail, about(p.Evaluate(e, policy.StageScan, now), policy.RuleRegistry)[0].Outcome)
}
