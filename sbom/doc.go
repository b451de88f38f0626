// Package sbom holds the plain types of a software bill of materials and of the
// vulnerabilities that were matched against it, and nothing that produces them.
//
// It knows no engine, no image format and no policy: sbom/catalog fills a
// Document from a file tree, sbom/vuln matches a Document against a database,
// and package policy judges what they found.
package sbom
