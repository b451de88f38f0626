package policy_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/imagegate/imagegate/policy"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(policy.Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("policy.schema.json", document))
	schema, err := c.Compile("policy.schema.json")
	require.NoError(t, err)
	return schema
}

// instance is a YAML document as JSON reads it.
func instance(t *testing.T, data []byte) any {
	t.Helper()
	var value any
	require.NoError(t, yaml.Unmarshal(data, &value))
	text, err := json.Marshal(value)
	require.NoError(t, err)
	value, err = jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return value
}

// What Parse takes, the schema takes: presets, the starter, and effective
// policies of every kind.
func TestSchemaTakesWhatParseTakes(t *testing.T) {
	t.Parallel()
	schema := compiledSchema(t)
	require.NoError(t, schema.Validate(instance(t, policy.Init())))
	for _, name := range policy.PresetNames() {
		data, err := policy.PresetYAML(name)
		require.NoError(t, err)
		require.NoError(t, schema.Validate(instance(t, data)), name)
	}
	examples, err := filepath.Glob(filepath.Join("..", "examples", "policies", "*", "policy.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, examples)
	for _, file := range examples {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, schema.Validate(instance(t, data)), file)
	}
	for name, p := range policies(t) {
		data, err := p.YAML()
		require.NoError(t, err)
		require.NoError(t, schema.Validate(instance(t, data)), "%s: %s", name, data)
	}
	require.NoError(t, schema.Validate(instance(t, []byte(head+`
config: {nonRoot: true, maxSize: 1.5GiB, denyPorts: [22, 53/udp]}
vulnerabilities: {deny: {cvss: 7, epss: off}, grace: {high: 36h}}
exceptions: [{rule: config.size, owner: a, reason: b, expires: 2027-01-31}]
overrides: [{match: {namespaces: [a]}, signatures: {signers: [ci], atLeast: 1}, content: {shells: false}}]
`))))
}

// Spelling mistakes are found by an editor, before Parse.
func TestSchemaRefusesMistakes(t *testing.T) {
	t.Parallel()
	schema := compiledSchema(t)
	for _, name := range []string{"misspelt", "types", "overrides", "rules", "contradictions", "not-a-mapping"} {
		data, err := os.ReadFile(filepath.Join("testdata", "invalid", name+".yaml"))
		require.NoError(t, err)
		require.Error(t, schema.Validate(instance(t, data)), name)
	}
	for _, body := range []string{"content: {shell: deny}\n", "content: {shells: forbid}\n", "config: {maxSize: 500}\n", "vulnerabilities: {deny: {cvss: high}}\n",
		"overrides: [{enforcement: warn}]\n", "rules: [{name: a}]\n"} {
		require.Error(t, schema.Validate(instance(t, []byte(head+body))), body)
	}
	require.Error(t, schema.Validate(instance(t, []byte("kind: Policy\n"))))
}
