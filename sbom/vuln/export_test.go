package vuln

import (
	"context"
	"encoding/json"
	"io"
	"net/url"

	"github.com/anchore/grype/grype/pkg"

	"github.com/imagegate/imagegate/sbom"
)

// Packages are compared with those that grype makes of the same document.
func Packages(document *sbom.Document) ([]pkg.Package, error) {
	inventory, err := inventoryOf(document)
	return inventory.packages, err
}

// ParseListing is fuzzed.
func ParseListing(content []byte) (Available, error) {
	return parseListing(content, &url.URL{Scheme: "https", Host: "db.example.com", Path: "/v6/latest.json"})
}

// Unpack is fuzzed.
func Unpack(archive io.Reader, folder string, limit int64) error {
	return unpack(context.Background(), archive, "fuzz", folder, updateOptions{maxUnpacked: limit, progress: func(Progress) {}})
}

// Storable is fuzzed: what a record is stored as.
func Storable(content []byte) (json.RawMessage, error) {
	advisory, err := recognize(content)
	if err != nil {
		return nil, err
	}
	advisory, err = advisory.storable()
	return advisory.content, err
}
