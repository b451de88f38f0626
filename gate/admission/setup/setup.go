package setup

import (
	"bytes"
	"embed"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"text/template"
	"unicode"
)

// Setup says how a gate is reached and what it is to be asked.
type Setup struct {
	// Address is the URL at which API servers reach the gate: "https://127.0.0.1:8443".
	// Empty: through Service, and then there is no ImagePolicyWebhook, since hosts of
	// API servers resolve no names of services.
	Address string
	// Service of the gate, port 443. Used where there is no Address.
	Service Service
	// CA that signed the gate's certificate, as PEM. Empty: one that API servers trust
	// anyhow.
	CA []byte
	// ClientCertificates says that the gate asks API servers for a certificate.
	ClientCertificates bool
	// Folder on the hosts of API servers in which the files lie. Default
	// DefaultFolder.
	Folder string
	// ExemptNamespaces are never asked about, not even when the gate is down. Patterns
	// are left to the gate.
	ExemptNamespaces []string
	// PinTemplates says that /mutate is to be asked about workloads, too.
	PinTemplates bool
	// TimeoutSeconds that the API server waits for /validate and /mutate, 1 to 30.
	// Default 10.
	TimeoutSeconds int
}

// Service names a Kubernetes service.
type Service struct{ Namespace, Name string }

// DefaultFolder is beside the other files of an API server that kubeadm made.
const DefaultFolder = "/etc/kubernetes/imagegate"

// File is one of the files that this package describes.
type File struct {
	Name    string
	Content []byte
}

//go:embed *.yaml.tmpl
var templates embed.FS

// Files are those that the setup asks for, in the order of the package's comment.
func Files(s Setup) ([]File, error) {
	v, err := s.values()
	if err != nil {
		return nil, err
	}
	parsed, err := template.New("").Funcs(template.FuncMap{"quote": quote, "base64": base64.StdEncoding.EncodeToString}).ParseFS(templates, "*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("reading the templates: %w", err)
	}
	names := []string{"webhooks.yaml"}
	if v.ClientCertificates {
		names = append([]string{"webhooks-kubeconfig.yaml"}, names...)
	}
	if v.Address != "" {
		names = append([]string{"imagepolicy-kubeconfig.yaml"}, names...)
	}
	if len(names) > 1 {
		names = append([]string{"admission.yaml"}, names...)
	}
	var files []File
	for _, name := range names {
		var content bytes.Buffer
		if err := parsed.ExecuteTemplate(&content, name+".tmpl", v); err != nil {
			return nil, fmt.Errorf("writing %s: %w", name, err)
		}
		files = append(files, File{name, content.Bytes()})
	}
	return files, nil
}

// quote writes a string so that YAML reads the same one: JSON is YAML.
func quote(text string) (string, error) {
	quoted, err := json.Marshal(text)
	return string(quoted), err
}

// values are what the templates see.
type values struct {
	Setup

	User string // under which the API server looks for its certificate
}

// Path is where a file lies on the host of an API server.
func (v values) Path(name string) string { return path.Join(v.Folder, name) }

// For is what one webhook is about.
func (v values) For(endpoint string) webhook {
	return webhook{values: v, Endpoint: endpoint, URL: v.Address + endpoint}
}

// webhook are the values of one webhook.
type webhook struct {
	values

	Endpoint string
	URL      string
}

// label is what namespaces and services may be called (RFC 1123).
var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func (s Setup) values() (values, error) {
	v := values{Setup: s}
	if v.Folder == "" {
		v.Folder = DefaultFolder
	}
	if v.TimeoutSeconds == 0 {
		v.TimeoutSeconds = 10
	}
	v.ExemptNamespaces = literal(s.ExemptNamespaces)
	switch {
	case !path.IsAbs(v.Folder) || strings.ContainsFunc(v.Folder, unicode.IsControl):
		return values{}, fmt.Errorf("API servers want absolute paths, and %q is none", v.Folder)
	case v.TimeoutSeconds < 1 || v.TimeoutSeconds > 30:
		return values{}, errors.New("API servers wait 1 to 30 seconds for a webhook")
	}
	if block, _ := pem.Decode(s.CA); len(s.CA) > 0 && (block == nil || block.Type != "CERTIFICATE") {
		return values{}, errors.New("the certificate authority is no certificate in PEM")
	}
	if s.Address == "" {
		return v.throughService()
	}
	return v.atAddress()
}

func (v values) throughService() (values, error) {
	if !label.MatchString(v.Service.Name) || !label.MatchString(v.Service.Namespace) {
		return values{}, errors.New("neither the address nor the service of the gate is known")
	}
	v.User = v.Service.Name + "." + v.Service.Namespace + ".svc"
	v.ExemptNamespaces = literal(append([]string{v.Service.Namespace}, v.ExemptNamespaces...))
	return v, nil
}

func (v values) atAddress() (values, error) {
	at, err := url.Parse(v.Address)
	if err != nil || at.Scheme != "https" || at.Host == "" || strings.Trim(at.Path, "/") != "" || at.User != nil || at.RawQuery+at.Fragment != "" {
		return values{}, errors.New("API servers ask over HTTPS: give https://host:port, not " + v.Address)
	}
	v.Address = "https://" + at.Host
	v.User = at.Host
	return v, nil
}

// literal are the names among names and patterns, each once.
func literal(names []string) []string {
	var list []string
	seen := map[string]bool{}
	for _, name := range names {
		if label.MatchString(name) && !seen[name] {
			seen[name] = true
			list = append(list, name)
		}
	}
	return list
}
