package inspect

import (
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagegate/imagegate/policy"
)

// configSecrets finds credentials in environment, labels and history. Only their
// kind is reported, and never the value.
func configSecrets(config *v1.ConfigFile) []policy.Content {
	var found []policy.Content
	report := func(path string, kinds []string) {
		for _, kind := range kinds {
			found = append(found, policy.Content{Class: policy.ClassSecret, Path: path, Via: viaContent, Name: kind})
		}
	}
	for _, entry := range config.Config.Env[:min(len(config.Config.Env), maxItems)] {
		name, value, _ := strings.Cut(bounded(entry), "=")
		report("env:"+cleaned(name), valueSecrets(name, value))
	}
	for _, name := range firstNames(config.Config.Labels) {
		report("label:"+cleaned(name), valueSecrets(name, bounded(config.Config.Labels[name])))
	}
	for i, step := range config.History[:min(len(config.History), maxItems)] {
		report(fmt.Sprintf("history:%d", i), commandSecrets(bounded(step.CreatedBy)))
	}
	return found
}

// cleaned is the name of a variable or label, cut where it is a text instead: a
// secret that was given as a name stays out of the report.
func cleaned(name string) string {
	if len(tokensIn(name)) > 0 {
		return "(a token)"
	}
	return name[:min(len(name), 200)]
}

// valueSecrets names the kinds of secrets in one named value.
func valueSecrets(name, value string) []string {
	kinds := textSecrets(value)
	if len(kinds) == 0 && secretName(name) && !placeholder(value) {
		return []string{"credential by its name"}
	}
	return kinds
}

// commandSecrets looks at a step of the build: build arguments ("|1 TOKEN=x
// /bin/sh -c …"), ENV and ARG, assignments in commands, and options with a value.
func commandSecrets(command string) []string {
	kinds := textSecrets(command)
	for _, word := range strings.Fields(command) {
		name, value, ok := strings.Cut(strings.TrimLeft(word, "-\"'(;"), "=")
		if ok && len(kinds) == 0 && secretName(name) && !placeholder(value) {
			kinds = append(kinds, "credential by its name")
		}
	}
	return kinds
}

// textSecrets finds what is a secret whatever its name: tokens, private keys and
// passwords in addresses.
func textSecrets(text string) []string {
	kinds := tokensIn(text)
	if privateKeyText().MatchString(text) {
		kinds = append(kinds, "private key")
	}
	if len(kinds) == 0 && addressWithPassword(text) {
		kinds = append(kinds, "password in an address")
	}
	return kinds
}

// privateKeyText is a PEM block in a value, where line ends may be escaped.
var privateKeyText = pattern(`-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----[\s\\nr]*[0-9A-Za-z+/=:]{8,}`)

var userinfo = pattern(`[a-z][a-z0-9+.-]*://[^\s/:@"']*:([^\s/@"']+)@[0-9A-Za-z\[]`)

func addressWithPassword(text string) bool {
	if !strings.Contains(text, "://") {
		return false
	}
	for _, match := range userinfo().FindAllStringSubmatch(text, 100) {
		if !placeholder(match[1]) {
			return true
		}
	}
	return false
}

// secretEndings are how the names of variables end that hold a secret. Names
// that go on (…_FILE, …_URL, …_NAME, …_TTL) hold something about one.
var secretEndings = []string{
	"PASSWORD", "PASSWD", "PASSPHRASE", "_PASS", "_PWD", "SECRET", "TOKEN", "CREDENTIAL", "CREDENTIALS",
	"APIKEY", "API_KEY", "ACCESS_KEY", "SECRET_KEY", "PRIVATE_KEY", "ENCRYPTION_KEY", "SIGNING_KEY",
	"AUTH_KEY", "ACCOUNT_KEY", "MASTER_KEY", "SECRET_KEY_BASE", "CONNECTION_STRING",
}

func secretName(name string) bool {
	if len(name) > 200 {
		return false
	}
	upper := strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToUpper(name))
	for _, ending := range secretEndings {
		if strings.HasSuffix(upper, ending) {
			return upper != "OLD_PWD"
		}
	}
	return false
}

// placeholder says that a value is no secret: nothing, a switch, a reference to
// a variable or file, or a word that everybody would guess.
func placeholder(value string) bool {
	value = strings.Trim(value, "\"'`;,) \t")
	lower := strings.ToLower(value)
	switch {
	case len(value) < 6, guessable[lower], len(distinctBytes(lower)) < 4:
		return true
	case strings.ContainsAny(value[:1], "$/<{%*.[("), strings.Contains(value, "${"), strings.Contains(value, "$("), strings.Contains(value, "{{"):
		return true
	case strings.HasPrefix(lower, "file:"), strings.HasPrefix(lower, "http://"), strings.HasPrefix(lower, "https://"), strings.HasPrefix(lower, "arn:"):
		return true
	}
	for _, hint := range []string{"example", "placeholder", "changeme", "change-me", "change_me", "replace", "your-", "your_", "dummy", "insert", "redacted", "todo", "fixme", "not-a-", "fake"} {
		if strings.Contains(lower, hint) {
			return true
		}
	}
	return false
}

var guessable = names(`password passwd secret secrets token apikey credentials
	default optional required disabled enabled postgres mysql mariadb mongodb rabbitmq guest admin
	administrator undefined unused string secretkey mypassword testing test123 passw0rd password1 123456 12345678 password123`)

func distinctBytes(text string) map[byte]bool {
	seen := map[byte]bool{}
	for i := range len(text) {
		seen[text[i]] = true
	}
	return seen
}
