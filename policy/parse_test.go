package policy_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Every invalid policy in testdata/invalid has its complaints beside it.
func TestParseComplaints(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/invalid/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			_, err = policy.Parse(filepath.Base(file), data)
			var problems *policy.Error
			require.ErrorAs(t, err, &problems)
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(err.Error()+"\n"), 0o600))
			}
			want, readErr := os.ReadFile(golden)
			require.NoError(t, readErr)
			require.Equal(t, string(want), err.Error()+"\n")
		})
	}
}

func TestExtendsLaysOver(t *testing.T) {
	t.Parallel()
	p := parse(t, `extends: restricted
reference: {warnTags: []}
config: {nonRoot: false, nonRootGroup: deny, maxSize: 1.5GiB}
vulnerabilities: {deny: {cvss: off, epss: 0.5}, database: {maxAge: 36h}}
`)
	require.Empty(t, p.Reference.Warn, "a list replaces")
	require.Equal(t, policy.DigestOrSigned, p.Reference.Digest, "what is not set is inherited")
	require.Equal(t, policy.LevelAllow, p.Config.NonRoot)
	require.Equal(t, policy.LevelDeny, p.Config.NonRootGroup)
	require.Equal(t, policy.LevelDeny, p.Config.NumericUser)
	require.Equal(t, policy.ByteSize(3<<29), p.Config.MaxSize)
	require.False(t, p.Vulnerabilities.Deny.CVSS.On)
	require.Equal(t, policy.Threshold{On: true, At: 0.5}, p.Vulnerabilities.Deny.EPSS)
	require.True(t, p.Vulnerabilities.Deny.KEV)
	require.Equal(t, "36h0m0s", p.Vulnerabilities.Database.MaxAge.String())
}

func TestSignersAreRequiredUnlessSaidOtherwise(t *testing.T) {
	t.Parallel()
	require.Equal(t, policy.LevelDeny, parse(t, "extends: baseline\n"+releaseSigner).Signatures.Required)
	require.Equal(t, policy.LevelAllow, parse(t, "extends: baseline\n").Signatures.Required)
	off := strings.Replace(releaseSigner, "{", "{required: false, ", 1)
	require.Equal(t, policy.LevelAllow, parse(t, "extends: baseline\n"+off).Signatures.Required)
}

// The design's own example, less what comes later.
func TestDesignExampleParses(t *testing.T) {
	t.Parallel()
	p := parse(t, `extends: restricted
enforcement: enforce
platforms: [all]
reference:       {digest: required, denyTags: [latest], registries: ["registry.example.com/**"]}
signatures:
  stages: [admission, scan]
  atLeast: 1
  signers:
  - {name: release, key: {file: cosign.pub}}
  - {name: ci, keyless: {issuer: https://token.actions.githubusercontent.com, subjectRegExp: ^https://github.com/acme/}}
  trustRoot: {file: trusted_root.json}
  transparencyLog: required
config:          {nonRoot: true, numericUser: true, entrypointRunnable: true, maxSize: 500MiB, requiredLabels: [org.opencontainers.image.source]}
content:         {shells: deny, debugTools: deny, packageManagers: deny, setuid: deny, secrets: deny}
sbom:            {complete: required}
vulnerabilities:
  deny: {cvss: 7.0, kev: true, epss: 0.5}
  unscored: severity
  onlyFixed: true
  grace: {critical: 2d, high: 14d}
  database: {maxAge: 5d}
exceptions:
- {vulnerability: CVE-2024-0001, package: openssl, images: ["registry.example.com/app/**"], owner: team-a, reason: not reachable, expires: 2027-01-31}
`)
	require.Equal(t, "ci", p.Signatures.Signers[1].Name)
	require.Equal(t, policy.LevelDeny, p.Signatures.Required)
}

func TestParseIsBounded(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"too large":       strings.Repeat("#\n", policy.MaxBytes),
		"nested":          strings.Repeat("[", 5000),
		"nested mappings": strings.Repeat("{a: ", 200) + strings.Repeat("}", 200),
		"many values":     "platforms: [" + strings.Repeat("a,", 100_000) + "]",
		"many problems":   strings.Repeat("? x\n", 1000),
		"many signers":    head + "signatures: {signers: [" + strings.Repeat("{},", 20_000) + "]}",
		"many exceptions": head + "exceptions: [" + strings.Repeat("{},", 20_000) + "]",
		"many platforms":  head + "platforms: [" + strings.Repeat("a/b,", 20_000) + "]",
		"billion laughs":  "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\n",
	} {
		_, err := policy.Parse("hostile.yaml", []byte(data))
		require.Error(t, err, name)
		require.Less(t, len(err.Error()), 20_000, name)
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/invalid/*.yaml", "preset/*.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse("fuzz.yaml", data)
		if err != nil {
			require.Nil(t, p)
			var problems *policy.Error
			require.ErrorAs(t, err, &problems)
			require.NotEmpty(t, problems.Problems)
			return
		}
		effective, err := p.YAML()
		require.NoError(t, err)
		again, err := policy.Parse("again.yaml", effective)
		require.NoError(t, err, "%s", effective)
		require.Equal(t, p.Hash(), again.Hash(), "%s", effective)
		// Nothing is known about nothing, whatever the policy says.
		require.Equal(t, policy.NotDecidable, p.Evaluate(policy.Evidence{}, policy.StageScan, now).Decision)
	})
}
