package sbom

import "time"

// Document is the bill of materials of one platform image.
type Document struct {
	// Distribution is what the image's os-release says; zero where it has none.
	Distribution Distribution `json:"distribution"`
	// Packages, sorted by type, name, version and path.
	Packages []Package `json:"packages"`
	// Gaps are the reasons why the document may not name everything that is in
	// the image ("dynamically linked programs, but no package database"). Empty
	// means complete.
	Gaps []string `json:"gaps,omitempty"`
	// Engine is the cataloger's own form of the document, so that matching and
	// encoding need no second parse. Only sbom/catalog looks inside.
	Engine any `json:"-"`
}

// Distribution names a Linux distribution in the words of os-release(5).
type Distribution struct {
	ID        string   `json:"id"`        // "debian"
	VersionID string   `json:"versionID"` // "12"
	Name      string   `json:"name"`      // PRETTY_NAME
	Like      []string `json:"like,omitempty"`
	CPE       string   `json:"cpe,omitempty"` // CPE_NAME, such as cpe:/o:redhat:enterprise_linux:8::baseos
}

// Package is one installed package.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Type    string `json:"type"` // "deb", "apk", "rpm", "go-module", "python", …
	PURL    string `json:"purl"` // package URL (purl-spec)
	// Paths are the files that are evidence of it, at most a few.
	Paths []string `json:"paths,omitempty"`
	// Layer is the diff id of the layer of the first of Paths.
	Layer string `json:"layer,omitempty"`
}

// Database identifies the vulnerability database that was matched against.
type Database struct {
	Built    time.Time `json:"built"`
	Checksum string    `json:"checksum"` // of the database file
	Schema   string    `json:"schema"`   // "6.1.10"
	Source   string    `json:"source,omitempty"`
}

// Image names the platform image that a Document is about.
type Image struct {
	Name      string // as typed
	Digest    string // of the platform image's manifest
	Platform  string // "linux/amd64"
	MediaType string
	DiffIDs   []string // of its layers, from the base
	Labels    map[string]string
}
