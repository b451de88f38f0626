package inspect

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
)

// Made-up credentials, put together here so that no scanner takes this file for
// a leak.
const alphabet = "aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD3fG6hJ9kL2nP5"

var (
	githubToken = "ghp" + "_" + alphabet[:36]
	awsKey      = "AKI" + "AQ3EGR5H7JK2LMN4P"
)

func keyPEM(kind string) string {
	_, key, _ := ed25519.GenerateKey(strings.NewReader(strings.Repeat("seed", 64)))
	der, _ := x509.MarshalPKCS8PrivateKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestSecretsInConfig(t *testing.T) {
	t.Parallel()
	const named = "credential by its name"
	for name, test := range map[string]struct {
		variable, value string
		want            string // kind; empty: nothing
	}{
		"password":                     {"DB_PASSWORD", "hunter2-really", named},
		"lower case":                   {"db.password", "hunter2-really", named},
		"key of a service":             {"AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIK7MDENGbPxRfiCY", named},
		"token by its prefix":          {"ANYTHING", "x " + githubToken, "GitHub token"},
		"AWS key id":                   {"ID", awsKey, "AWS access key"},
		"private key, escaped":         {"CERT", strings.ReplaceAll(keyPEM("PRIVATE KEY"), "\n", `\n`), "private key"},
		"address with password":        {"DATABASE_URL", "postgres://app:s3cr3t-word@db:5432/x", "password in an address"},
		"address with user only":       {"DATABASE_URL", "postgres://app@db:5432/x", ""},
		"address with a variable":      {"DATABASE_URL", "postgres://app:${PASSWORD}@db/x", ""},
		"address with an e-mail path":  {"URL", "https://example.org/a:b@c", ""},
		"public key's fingerprint":     {"GPG_KEY", "E3FF2839C048B25C084DEBE9B26995E310250568", ""},
		"file with a password":         {"PASSWORD_FILE", "/run/secrets/password", ""},
		"path as password":             {"PASSWORD", "/run/secrets/password", ""},
		"reference":                    {"TOKEN", "${GITHUB_TOKEN}", ""},
		"template":                     {"TOKEN", "{{ .Values.token }}", ""},
		"switch":                       {"ALLOW_EMPTY_PASSWORD", "yes", ""},
		"guessable":                    {"MYSQL_ROOT_PASSWORD", "password", ""},
		"placeholder":                  {"API_KEY", "your-api-key-here", ""},
		"documented example":           {"AWS_ACCESS_KEY_ID", "AKI" + "AIOSFODNN7EXAMPLE", ""},
		"token of one letter":          {"X", "ghp" + "_" + strings.Repeat("x", 36), ""},
		"prefix within a word":         {"X", "a" + githubToken, ""},
		"directory":                    {"PWD", "some/where/else", ""},
		"address of the token service": {"TOKEN", "https://sts.example.org/token", ""},
		"public certificate":           {"CERT", "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ", ""},
		"version":                      {"TOKENIZER", "1.2.3-rc4", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := linux(v1.Config{Env: []string{test.variable + "=" + test.value}, Labels: map[string]string{test.variable: test.value}})
			config.History = []v1.History{{CreatedBy: "ENV " + test.variable + "=" + strings.ReplaceAll(test.value, " ", "")}}
			_, found := New().Config(config)
			if test.want == "" {
				require.Empty(t, found)
				return
			}
			require.Contains(t, found, policy.Content{Class: policy.ClassSecret, Path: "env:" + test.variable, Via: viaContent, Name: test.want})
			require.Contains(t, found, policy.Content{Class: policy.ClassSecret, Path: "label:" + test.variable, Via: viaContent, Name: test.want})
			report, err := json.Marshal(found)
			require.NoError(t, err)
			require.NotContains(t, string(report), test.value)
		})
	}
}

func TestSecretsInHistory(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]bool{
		"RUN |2 VERSION=1.2 NPM_TOKEN=hunter2-really /bin/sh -c npm ci":         true,
		"|1 PASSWORD=hunter2-really /bin/sh -c true":                            true,
		"/bin/sh -c #(nop)  ENV API_KEY=hunter2-really":                         true,
		`RUN /bin/sh -c mysql --password="hunter2-really" x`:                    true,
		"RUN /bin/sh -c git clone https://x:" + githubToken + "@github.com/a/b": true,
		"ARG NPM_TOKEN": false,
		"RUN --mount=type=secret,id=npm_token /bin/sh -c npm ci":   false,
		"RUN /bin/sh -c TOKEN=$(cat /run/secrets/token) npm ci":    false,
		`RUN /bin/sh -c if [ "$PASSWORD" = "" ]; then exit 1; fi`:  false,
		"ENV GPG_KEY=E3FF2839C048B25C084DEBE9B26995E310250568":     false,
		"RUN /bin/sh -c curl --token-file=x https://host:8080/a@b": false,
	} {
		config := linux(v1.Config{})
		config.History = []v1.History{{CreatedBy: command}}
		_, found := New().Config(config)
		require.Equal(t, want, len(found) > 0, command)
	}
}

func TestSecretAsNameStaysOutOfTheReport(t *testing.T) {
	t.Parallel()
	_, found := New().Config(linux(v1.Config{Env: []string{githubToken + "=" + githubToken}}))
	report, err := json.Marshal(found)
	require.NoError(t, err)
	require.NotContains(t, string(report), githubToken)
	require.Len(t, found, 1)
}

func TestSecretFiles(t *testing.T) {
	t.Parallel()
	key := keyPEM("PRIVATE KEY")
	word := "Zm9vOmh1bnRlcjItcmVhbGx5"
	for name, test := range map[string]struct {
		path, content, want string
	}{
		"npm":                            {"root/.npmrc", "//registry.example.com/:_authToken=" + alphabet, "npm token"},
		"npm, by variable":               {"root/.npmrc", "//registry.example.com/:_authToken=${NPM_TOKEN}", ""},
		"npm, without":                   {"root/.npmrc", "registry=https://registry.example.com", ""},
		"PyPI":                           {"root/.pypirc", "[pypi]\nusername = x\npassword = hunter2-really\n", "package index password"},
		"netrc":                          {"root/.netrc", "machine example.com\nlogin x\npassword hunter2-really\n", "netrc password"},
		"git":                            {"root/.git-credentials", "https://x:hunter2-really@example.com\n", "password in an address"},
		"git, without":                   {"src/.git/config", "[remote]\nurl = https://example.com/x.git\n", ""},
		"docker":                         {"root/.docker/config.json", `{"auths":{"example.com":{"auth":"` + word + `"}}}`, "registry credentials"},
		"docker, old":                    {"root/.dockercfg", `{"example.com":{"auth":"` + word + `"}}`, "registry credentials"},
		"docker, by helper":              {"root/.docker/config.json", `{"auths":{"example.com":{}},"credsStore":"x"}`, ""},
		"docker, broken":                 {"root/.docker/config.json", `{"auths":[`, ""},
		"AWS":                            {"root/.aws/credentials", "[default]\naws_secret_access_key = " + alphabet[:40] + "\n", "AWS secret key"},
		"kubeconfig":                     {"root/.kube/config", "users:\n- user:\n    client-key-data: " + word + "\n", "Kubernetes credentials"},
		"kubeconfig, by file":            {"root/.kube/config", "users:\n- user:\n    client-key: /x\n", ""},
		"Terraform":                      {"x/terraform.tfstate", `{"terraform_version":"1","x":{"db_password":"hunter2-really"}}`, "secret in Terraform state"},
		"Terraform, without":             {"x/terraform.tfstate", `{"terraform_version":"1","resources":[]}`, ""},
		"variables":                      {"app/.env", "# x\nexport DB_PASSWORD='hunter2-really'\n", "credential by its name"},
		"variables of a stage":           {"app/.env.production", "TOKEN=hunter2-really\n", "credential by its name"},
		"variables, template":            {"app/.env.example", "TOKEN=hunter2-really\n", ""},
		"variables, without":             {"app/.env", "PORT=8080\nPASSWORD=\n", ""},
		"service account":                {"x.json", `{"type":"service_account","private_key":"` + word + `"}`, "Google service account key"},
		"service account, without a key": {"x.json", `{"type":"service_account"}`, ""},
		"shadow":                         {"etc/shadow", "root:$y$j9T$" + alphabet + ":19000:0:::::\n", "password hash"},
		"shadow, locked":                 {"etc/shadow", "root:*:19000:0:::::\nx:!:1::::::\n", ""},
		"private key":                    {"x", key, "private key"},
		"private key after certificates": {"tls.pem", strings.Repeat("-----BEGIN CERTIFICATE-----\nMIIBszCCAVk=\n-----END CERTIFICATE-----\n", 100) + key, "private key"},
		"encrypted private key":          {"x", keyPEM("ENCRYPTED PRIVATE KEY"), "encrypted private key"},
		"SSH key":                        {"root/.ssh/deploy", "comment\n" + keyPEM("OPENSSH PRIVATE KEY"), "private key"},
		"OpenPGP key":                    {"x.asc", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" + alphabet + "\n" + alphabet + "\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n", "private key"},
		"public key":                     {"x.key", keyPEM("PUBLIC KEY"), ""},
		"text about keys":                {"x.md", "starts with -----BEGIN PRIVATE KEY-----\n", ""},
		"empty block":                    {"x.pem", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", ""},
		"script with a token":            {"run.sh", "#!/bin/sh\ncurl -H 'x: " + githubToken + "'\n", "GitHub token"},
		"script with a variable":         {"run.sh", "#!/bin/sh\nPASSWORD=hunter2-really\n", ""},
		"documentation":                  {"usr/share/doc/x/key.pem", key, ""},
		"a library's tests":              {"usr/lib/python3/dist-packages/x/tests/key.pem", key, ""},
		"a module's tests":               {"app/node_modules/x/test/key.pem", key, ""},
		"the image's own tests":          {"app/tests/key.pem", key, "private key"},
		"a library's key":                {"usr/lib/x/key.pem", key, "private key"},
		"too large to be one":            {"root/.npmrc", "_authToken=" + strings.Repeat("x", maxSecretFile), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entry := gatetest.Entry{Path: test.path, Content: test.content}
			found := inspectFiles(t, linux(v1.Config{}), tree(t, []gatetest.Entry{entry})).Content
			if test.want == "" {
				require.Empty(t, found)
				return
			}
			require.Equal(t, []policy.Content{{Class: policy.ClassSecret, Path: "/" + test.path, Layer: diffID(0), Via: viaContent, Name: test.want}}, found)
		})
	}
}

func TestEveryTokenIsOfItsKind(t *testing.T) {
	t.Parallel()
	body := map[string]string{
		"github_pat_": alphabet[:22] + "_" + strings.Repeat(alphabet, 2)[:59],
		"AKIA":        "Q3EGR5H7JK2LMN4P", "ASIA": "Q3EGR5H7JK2LMN4P",
		"xoxb-": "123456789012-" + alphabet[:24], "xoxp-": "123456789012-" + alphabet[:24], "xoxa-": "2-" + alphabet[:24],
		"xapp-":                              "1-A0B1C2D3E4-123456789-" + strings.Repeat("0123456789abcdef", 2),
		"https://hooks.slack.com/services/T": "0A1B2C3D/B0A1B2C3D/" + alphabet[:24],
		"SG.":                                alphabet[:22] + "." + alphabet[:43],
		"hf_":                                "abcdefghijklmnopqrstuvwxyzABCDEFGH",
		"dop_v1_":                            strings.Repeat("0123456789abcdef", 4),
		"sk-ant-":                            "api03-" + alphabet[:40],
		"AGE-SECRET-KEY-1":                   strings.Repeat("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 2)[:58],
	}
	for _, token := range tokens {
		rest := body[token.prefix]
		if rest == "" {
			rest = strings.Repeat(alphabet, 2)[:len(alphabet)+10]
			if n := map[string]int{"AIza": 35, "npm_": 36}[token.prefix]; n > 0 {
				rest = rest[:n]
			}
		}
		require.Contains(t, tokensIn("x="+token.prefix+rest+"\n"), token.name, token.prefix)
		require.Empty(t, tokensIn(token.prefix+"..."), token.prefix)
	}
}

func FuzzSecrets(f *testing.F) {
	f.Add(".npmrc", "_authToken=x")
	f.Add("x.pem", keyPEM("PRIVATE KEY"))
	f.Add(".docker/config.json", `{"auths":{"a":{"auth":"b"}}}`)
	f.Add("env", "postgres://a:b@c "+githubToken)
	f.Fuzz(func(t *testing.T, path, content string) {
		if check := checkOf("/"+path, []byte(content[:min(len(content), headBytes)]), int64(len(content))); check != nil {
			check(content)
		}
		for _, kind := range append(valueSecrets(path, content), commandSecrets(content)...) {
			require.NotEmpty(t, kind)
		}
	})
}
