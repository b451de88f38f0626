package vuln

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Schemas of records, in the form by which grype's builder tells them: the folder
// and the major version count.
const (
	schemaOSV    = "imagegate/osv/schema-1.0.0.json"
	schemaOS     = "imagegate/os/schema-1.0.0.json"
	schemaGitHub = "imagegate/github-security-advisory/schema-1.0.0.json"
	schemaNVD    = "imagegate/nvd/schema-1.0.0.json"
	schemaKEV    = "imagegate/known-exploited/schema-1.0.0.json"
	schemaEPSS   = "imagegate/epss/schema-1.0.0.json"
)

// advisory is one record and what kind of record it is.
type advisory struct {
	schema  string
	id      string
	content json.RawMessage
}

// fingerprint has the members by which kinds of records differ.
type fingerprint struct {
	Schema        string          `json:"schema"`
	Item          json.RawMessage `json:"item"`
	ID            string          `json:"id"`
	Affected      json.RawMessage `json:"affected"`
	Modified      string          `json:"modified"`
	CVE           json.RawMessage `json:"cve"`
	EPSS          *float64        `json:"epss"`
	KEV           string          `json:"cveID"`
	Vulnerability *struct {
		Name string `json:"Name"`
	} `json:"Vulnerability"`
	Advisory *struct {
		ID string `json:"ghsaId"`
	} `json:"Advisory"`
}

var errUnrecognized = errors.New("it is no advisory of a known form (OSV, or a provider's record as grype's builder reads it)")

// recognize tells from a record's members what it is.
func recognize(content []byte) (advisory, error) {
	var found fingerprint
	if err := json.Unmarshal(content, &found); err != nil {
		var wrongType *json.UnmarshalTypeError
		if errors.As(err, &wrongType) {
			return advisory{}, errUnrecognized
		}
		return advisory{}, err
	}
	switch {
	case found.Schema != "" && len(found.Item) > 0:
		return unwrap(found)
	case found.Vulnerability != nil:
		return advisory{schemaOS, found.Vulnerability.Name, content}, nonEmpty("Name", found.Vulnerability.Name)
	case found.Advisory != nil:
		return advisory{schemaGitHub, found.Advisory.ID, content}, nonEmpty("ghsaId", found.Advisory.ID)
	case found.KEV != "":
		return advisory{schemaKEV, found.KEV, content}, nil
	case found.EPSS != nil:
		return advisory{schemaEPSS, strings.Trim(string(found.CVE), `"`), content}, nonEmpty("cve", strings.Trim(string(found.CVE), `"`))
	case bytes.HasPrefix(found.CVE, []byte("{")):
		return recognizeNVD(found.CVE, content)
	case found.ID != "" && (len(found.Affected) > 0 || found.Modified != ""):
		return advisory{schemaOSV, found.ID, content}, nil
	default:
		return advisory{}, errUnrecognized
	}
}

func recognizeNVD(cve, content []byte) (advisory, error) {
	var named struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(cve, &named); err != nil {
		return advisory{}, err
	}
	return advisory{schemaNVD, named.ID, content}, nonEmpty("id", named.ID)
}

// unwrap opens grype's envelope. The schema that it names is kept, so that record
// types without a form of their own here are built too.
func unwrap(envelope fingerprint) (advisory, error) {
	inner, err := recognize(envelope.Item)
	if err != nil && !errors.Is(err, errUnrecognized) {
		return advisory{}, err
	}
	return advisory{schema: envelope.Schema, id: inner.id, content: envelope.Item}, nil
}

func nonEmpty(member, value string) error {
	if value == "" {
		return fmt.Errorf("its member %q is missing", member)
	}
	return nil
}

func (a advisory) reader() io.Reader { return bytes.NewReader(a.content) }

func (a advisory) of(kind string) bool { return strings.Contains(a.schema, "/"+kind+"/") }

// provider is the name under which grype looks for a record and shows its
// namespace. Records that others refer to must have the name that these expect.
func (a advisory) provider(folder string) string {
	switch {
	case a.of("nvd"):
		return "nvd"
	case a.of("known-exploited"):
		return "kev"
	case a.of("epss"):
		return "epss"
	case strings.HasPrefix(a.id, "GHSA-"):
		return "github"
	case strings.HasPrefix(a.id, "GO-") && a.of("osv"):
		return "govulndb"
	default:
		return folder
	}
}

// providerVersion numbers providers as grype's own feeds do. It belongs to the
// name, since a database has one row for each.
func providerVersion(name string) int {
	if name == "nvd" || name == "github" {
		return 2
	}
	return 1
}

// rank orders kinds of records: NVD's first, since its severities fill in for
// records without one, and the end of life of distributions last, since it is
// noted on distributions that other records name.
func (a advisory) rank() int {
	switch {
	case a.of("nvd"):
		return 0
	case a.of("eol"):
		return 2
	default:
		return 1
	}
}
