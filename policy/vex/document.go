package vex

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Bounds of one document: MaxBytes of the whole, maxStatements after products
// have been joined with vulnerabilities.
const (
	MaxBytes      = 16 << 20
	maxStatements = 100_000
)

// Status is what a statement says of its vulnerabilities in its products.
type Status string

// The statuses, from the one that helps an image least. Only the last two accept
// a vulnerability.
const (
	Affected           Status = "affected"
	UnderInvestigation Status = "under_investigation"
	Fixed              Status = "fixed"
	NotAffected        Status = "not_affected"
)

// Document is one document.
type Document struct {
	ID         string
	Author     string
	Statements []Statement
}

// Statement says one status of some vulnerabilities in some products.
type Statement struct {
	Vulnerabilities []string // ids and aliases
	Products        []Product
	Status          Status
	// Reason is the justification, in the words of the format, and what else was
	// said.
	Reason string
	// Time at which it was said; zero where the document does not say.
	Time time.Time
}

// Product is an image or a package.
type Product struct {
	Names   []string // package URLs and other identifiers
	Digests []string // SHA-256, in hexadecimal
	// Components of the product that the statement is about; none: all of it.
	Components []Product
}

// Parse reads a document of either format. Fields of the formats that say nothing
// about a status are skipped; a status, justification or product tree that makes
// no sense refuses the whole document.
func Parse(data []byte) (*Document, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("too large for a VEX document: over %d MiB", MaxBytes>>20)
	}
	var head struct {
		Context  string          `json:"@context"`
		Document json.RawMessage `json:"document"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("not a VEX document: %w", err)
	}
	var document *Document
	var err error
	switch {
	case strings.HasPrefix(head.Context, "https://openvex.dev/ns"):
		document, err = parseOpenVEX(data)
	case len(head.Document) > 0:
		document, err = parseCSAF(data)
	default:
		return nil, errors.New("not a VEX document: neither OpenVEX (@context: https://openvex.dev/ns/v0.2.0) nor CSAF (document.category: csaf_vex)")
	}
	if err != nil {
		return nil, err
	}
	if len(document.Statements) > maxStatements {
		return nil, fmt.Errorf("too many statements in a VEX document: over %d", maxStatements)
	}
	return document, nil
}
