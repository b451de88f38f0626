package inspect

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"path"
	"strings"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// secretFile is a file that is known to hold credentials where its name ends so.
// The name makes it a candidate, only its content makes it a finding: check
// returns the kind of secret, or nothing.
type secretFile struct {
	ending string // of the path, from a slash or within the last name after "*"
	check  func(content string) string
}

var secretFiles = []secretFile{
	{"/.npmrc", matching("npm token", `(?m)^[^#;]*(_authToken|_password|_auth)\s*=\s*["']?([^\s"'$]{6,})`)},
	{"/.yarnrc.yml", matching("npm token", `(?m)^\s*npmAuth(Token|Ident):\s*["']?([^\s"'$]{6,})`)},
	{"/.pypirc", matching("package index password", `(?m)^\s*password\s*[=:]\s*(\S{6,})`)},
	{"/pip.conf", address},
	{"/.netrc", matching("netrc password", `(?m)^[^#]*\bpassword\s+(\S+)`)},
	{"/_netrc", matching("netrc password", `(?m)^[^#]*\bpassword\s+(\S+)`)},
	{"/.git-credentials", address},
	{"/.gitconfig", address},
	{"/.git/config", address},
	{"/.docker/config.json", dockerConfig},
	{"/.dockercfg", dockerConfig},
	{"/containers/auth.json", dockerConfig},
	{"/.aws/credentials", matching("AWS secret key", `(?im)^\s*aws_secret_access_key\s*=\s*([0-9A-Za-z/+]{40})`)},
	{"/.kube/config", kubeconfig},
	{"*kubeconfig", kubeconfig},
	{"*.kubeconfig", kubeconfig},
	{"*.tfstate", terraformState},
	{"*.tfstate.backup", terraformState},
	{"/.env", variables},
	{"/.pgpass", matching("database password", `(?m)^[^#:\n]*:[^:\n]*:[^:\n]*:[^:\n]*:(\S+)`)},
	{"/.my.cnf", matching("database password", `(?m)^\s*password\s*=\s*(\S+)`)},
	{"/.config/gh/hosts.yml", matching("GitHub token", `(?m)^\s*oauth_token:\s*(\S{20,})`)},
	{"/.vault-token", matching("Vault token", `^\s*((hv)?s\.\S{20,})`)},
	{"/.cargo/credentials", matching("cargo token", `(?m)^\s*token\s*=\s*"([^"]{20,})"`)},
	{"/.cargo/credentials.toml", matching("cargo token", `(?m)^\s*token\s*=\s*"([^"]{20,})"`)},
	{"/.gem/credentials", matching("RubyGems key", `(?m)^:\w+:\s*(\S{20,})`)},
	{"/application_default_credentials.json", matching("Google refresh token", `"refresh_token"\s*:\s*"([^"]{20,})"`)},
	{"/etc/shadow", matching("password hash", `(?m)^[^:\n]+:\$[0-9a-z]+\$([^:\n]{20,})`)},
	{"*.pem", privateKey},
	{"*.key", privateKey},
	{"*.p8", privateKey},
	{"*.asc", privateKey},
	{"/.ssh/*", privateKey},
	{"*id_rsa", privateKey},
	{"*id_dsa", privateKey},
	{"*id_ecdsa", privateKey},
	{"*id_ed25519", privateKey},
}

// fits says whether a path ends as the table says.
func (s secretFile) fits(file string) bool {
	if ending, ok := strings.CutPrefix(s.ending, "*"); ok {
		return strings.HasSuffix(path.Base(file), ending)
	}
	if dir, ok := strings.CutSuffix(s.ending, "/*"); ok {
		return strings.HasSuffix(path.Dir(file), dir)
	}
	return strings.HasSuffix(file, s.ending)
}

// checkOf is how to look for a secret in a file, by its path and its beginning;
// nil where there is no reason to look.
func checkOf(file string, head []byte, size int64) func(string) string {
	if size == 0 || size > maxSecretFile {
		return nil
	}
	check := suspicion(file, head, size)
	if check != nil && isSample(file) {
		return nil
	}
	return check
}

// suspicion is checkOf for any place in the tree.
func suspicion(file string, head []byte, size int64) func(string) string {
	for _, known := range secretFiles {
		if known.fits(file) {
			return known.check
		}
	}
	switch base := path.Base(file); {
	case strings.HasPrefix(base, ".env.") && !templateName().MatchString(base):
		return variables
	case size > maxKeyFile:
		return nil
	case bytes.HasPrefix(head, []byte("#!")):
		return scriptTokens
	case bytes.Contains(head, []byte("PRIVATE KEY-----")), bytes.Contains(head, []byte("PRIVATE KEY BLOCK-----")):
		return privateKey
	case bytes.Contains(head, []byte(`"service_account"`)):
		return serviceAccount
	}
	return nil
}

var templateName = pattern(`(?i)example|sample|template|dist|default|schema`)

// fileSecrets looks for secrets in one file of the tree.
func fileSecrets(file sbom.File, files sbom.Files) ([]policy.Content, error) {
	if !file.Mode.IsRegular() || file.Size == 0 || file.Size > maxSecretFile {
		return nil, nil
	}
	head, kept, err := readHead(files, file, headBytes)
	check := checkOf(file.Path, head, file.Size)
	if err == nil && !kept && check != nil {
		err = sbom.ErrNotKept // its name is a hard link's, which came after the content
	}
	if err != nil || !kept {
		return nil, err
	}
	if check == nil {
		return nil, nil
	}
	content, err := readWhole(files, file, maxSecretFile)
	if err != nil {
		return nil, err
	}
	if kind := check(string(content)); kind != "" {
		return []policy.Content{finding(file, policy.ClassSecret, viaContent, kind)}, nil
	}
	return nil, nil
}

// isSample says that what looks like a secret in this file is none: keys and
// tokens in documentation, and in the tests and examples of installed libraries,
// are published with them. The image's own tests and examples are not excused.
func isSample(file string) bool {
	for _, dir := range []string{"/usr/share/doc/", "/usr/share/man/", "/usr/share/info/", "/usr/local/go/src/", "/usr/local/go/test/"} {
		if strings.HasPrefix(file, dir) {
			return true
		}
	}
	return libraryPath().MatchString(file) && sampleDirectory().MatchString(file)
}

var (
	libraryPath     = pattern(`^/usr/(local/)?(lib|lib64|share)/|/(site-packages|dist-packages|node_modules|gems|vendor|pkg/mod|lib/python[0-9.]+|lib/ruby|perl5)/`)
	sampleDirectory = pattern(`(?i)/(tests?|testing|testdata|test_data|__tests__|specs?|fixtures?|examples?|samples?|demos?|dummyserver|docs?)/|/[^/]*(_test\.|\.test\.|\.spec\.|test_)[^/]*$`)
)

// matching finds the kind where the pattern's last group is a literal value.
func matching(kind, text string) func(string) string {
	expression := pattern(text)
	return func(content string) string {
		for _, match := range expression().FindAllStringSubmatch(content, 1000) {
			if !strings.ContainsAny(match[len(match)-1][:1], "$<{%*") {
				return kind
			}
		}
		return ""
	}
}

func address(content string) string {
	if addressWithPassword(content) {
		return "password in an address"
	}
	return ""
}

// privateKey finds a PEM block that decodes (RFC 7468), so neither a public
// certificate nor a text about keys. Armored OpenPGP keys (RFC 9580) count too.
func privateKey(content string) string {
	for data := []byte(content); ; {
		block, rest := pem.Decode(data)
		switch {
		case block == nil:
			if armoredKey().MatchString(content) {
				return "private key"
			}
			return ""
		case !strings.HasSuffix(block.Type, "PRIVATE KEY") || len(block.Bytes) < 32:
			data = rest
		case strings.HasPrefix(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "":
			return "encrypted private key"
		default:
			return "private key"
		}
	}
}

var armoredKey = pattern(`(?m)^-----BEGIN PGP PRIVATE KEY BLOCK-----\r?\n(.*\r?\n){1,8}[0-9A-Za-z+/=]{32,}\r?$`)

// dockerConfig finds registry credentials (docker login without a helper).
func dockerConfig(content string) string {
	type entry struct{ Auth, Password, IdentityToken, RegistryToken string }
	var config struct{ Auths map[string]entry }
	if json.Unmarshal([]byte(content), &config) != nil || config.Auths == nil {
		_ = json.Unmarshal([]byte(content), &config.Auths) // .dockercfg has no "auths"
	}
	for _, e := range config.Auths {
		if e.Auth != "" || e.Password != "" || e.IdentityToken != "" || e.RegistryToken != "" {
			return "registry credentials"
		}
	}
	return ""
}

var kubeconfig = matching("Kubernetes credentials", `(?m)^\s*"?(client-key-data|token|password)"?:\s*"?([^\s",]{6,})`)

func serviceAccount(content string) string {
	var account struct {
		Type       string `json:"type"`
		PrivateKey string `json:"private_key"`
	}
	if json.Unmarshal([]byte(content), &account) == nil && account.Type == "service_account" && account.PrivateKey != "" {
		return "Google service account key"
	}
	return ""
}

// terraformState finds attributes that hold secrets in clear, as state does.
func terraformState(content string) string {
	if !strings.Contains(content, `"terraform_version"`) {
		return ""
	}
	return stateSecret(content)
}

var stateSecret = matching("secret in Terraform state", `"[0-9a-z_]*(password|secret|private_key|private_key_pem|access_key|token)"\s*:\s*"([^"]{6,})"`)

// variables finds assignments of secrets in a file of environment variables.
func variables(content string) string {
	for line := range strings.Lines(content) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		name, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if kinds := valueSecrets(strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"'`)); len(kinds) > 0 {
			return kinds[0]
		}
	}
	return ""
}

// scriptTokens finds tokens in a script; names of variables prove nothing there.
func scriptTokens(content string) string {
	if kinds := tokensIn(content[:min(len(content), maxScript)]); len(kinds) > 0 {
		return kinds[0]
	}
	return ""
}
