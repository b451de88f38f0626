package vuln

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/db/v6/distribution"
)

// maxListing bounds a listing in bytes. A real one has some 250.
const maxListing = 1 << 20

// DefaultURL is the address of grype's public service.
func DefaultURL() string { return distribution.DefaultConfig().LatestURL }

// Available is one database that an address offers.
type Available struct {
	Built    time.Time `json:"built"`
	Schema   string    `json:"schema"`
	URL      string    `json:"url"`      // of the archive
	Checksum string    `json:"checksum"` // "sha256:…" of the archive
	// Status is "active", "deprecated" (soon without updates) or "eol".
	Status string `json:"status"`
}

// List returns what the address offers: DefaultURL, a mirror of it, or the
// latest.json itself. The listing format has one database, the latest; the list
// is empty where that is of another schema.
func List(ctx context.Context, address string, options ...UpdateOption) ([]Available, error) {
	client, err := newClient(address, options)
	if err != nil {
		return nil, err
	}
	latest, err := client.latest(ctx)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(latest.Schema, fmt.Sprintf("%d.", v6.ModelVersion)) {
		return []Available{}, nil
	}
	return []Available{latest}, nil
}

// listingURL completes an address as grype does with GRYPE_DB_UPDATE_URL: what
// does not end in .json is the folder above v6/latest.json.
func listingURL(address string) (*url.URL, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" {
		return nil, errors.New("it is no http or https address")
	}
	if !strings.HasSuffix(parsed.Path, ".json") {
		parsed = parsed.JoinPath(fmt.Sprintf("v%d", v6.ModelVersion), distribution.LatestFileName)
	}
	return parsed, nil
}

// parseListing reads a listing that came from the given address.
func parseListing(content []byte, from *url.URL) (Available, error) {
	if looksLikeHTML(content) {
		return Available{}, errHTML
	}
	var document distribution.LatestDocument
	if err := json.Unmarshal(content, &document); err != nil {
		return Available{}, fmt.Errorf("the listing is no JSON of the expected form: %w", err)
	}
	archive, err := archiveURL(document.Path, from)
	if err != nil {
		return Available{}, err
	}
	switch {
	case !document.SchemaVersion.Valid():
		return Available{}, errors.New("the listing names no schema")
	case document.Built.IsZero():
		return Available{}, errors.New("the listing does not say when the database was built")
	case !checksumPattern.MatchString(document.Checksum):
		return Available{}, errors.New("the listing has no sha256 checksum of the archive")
	}
	return Available{
		Built:    document.Built.UTC(),
		Schema:   strings.TrimPrefix(document.SchemaVersion.String(), "v"),
		URL:      archive.String(),
		Checksum: document.Checksum,
		Status:   string(document.Status),
	}, nil
}

// archiveURL is the address of an archive that lies beside or below the listing.
// A listing cannot send anybody to another host.
func archiveURL(name string, listing *url.URL) (*url.URL, error) {
	clean := path.Clean(name)
	if name == "" || path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") || strings.Contains(name, "://") {
		return nil, fmt.Errorf("the listing names no archive beside it, but %q", name)
	}
	archive := *listing
	archive.Path, archive.RawPath = path.Join(path.Dir(listing.Path), clean), ""
	return &archive, nil
}

// errHTML is met where a login page, a proxy's block page or a web site answers
// in place of the service.
var errHTML = errors.New("a web page was answered where a database was expected")

// looksLikeHTML tells a web page from JSON and from an archive by its beginning.
func looksLikeHTML(content []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(content[:min(len(content), 512)]))
	return bytes.HasPrefix(start, []byte("<!doctype")) || bytes.HasPrefix(start, []byte("<html"))
}
