package vex

import (
	"errors"
	"fmt"
	"strings"
	"time"

	openvex "github.com/openvex/go-vex/pkg/vex"
)

// parseOpenVEX reads an OpenVEX document (OpenVEX specification v0.2.0).
func parseOpenVEX(data []byte) (*Document, error) {
	source, err := openvex.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("not an OpenVEX 0.2 document: %w", err)
	}
	document := &Document{ID: source.ID, Author: source.Author}
	for i, s := range source.Statements {
		if err := s.Validate(); err != nil {
			return nil, fmt.Errorf("statement %d: %w", i+1, err)
		}
		statement, err := fromOpenVEX(s, source.Metadata)
		if err != nil {
			return nil, fmt.Errorf("statement %d: %w", i+1, err)
		}
		document.Statements = append(document.Statements, statement)
	}
	return document, nil
}

func fromOpenVEX(s openvex.Statement, document openvex.Metadata) (Statement, error) {
	statement := Statement{Status: Status(s.Status), Reason: joinReasons(string(s.Justification), s.ImpactStatement, s.StatusNotes)}
	for _, name := range append([]openvex.VulnerabilityID{s.Vulnerability.Name, openvex.VulnerabilityID(s.Vulnerability.ID)}, s.Vulnerability.Aliases...) {
		if name != "" {
			statement.Vulnerabilities = append(statement.Vulnerabilities, string(name))
		}
	}
	if len(statement.Vulnerabilities) == 0 {
		return Statement{}, errors.New("names no vulnerability")
	}
	for _, p := range s.Products {
		product := fromComponent(p.Component)
		for _, c := range p.Subcomponents {
			product.Components = append(product.Components, fromComponent(c.Component))
		}
		statement.Products = append(statement.Products, product)
	}
	// The time of a statement is its own, else that of the document (section
	// "Inheritance" of the specification).
	for _, t := range []*time.Time{s.LastUpdated, s.Timestamp, document.LastUpdated, document.Timestamp} {
		if t != nil && statement.Time.IsZero() {
			statement.Time = *t
		}
	}
	return statement, nil
}

func fromComponent(c openvex.Component) Product {
	var p Product
	if c.ID != "" {
		p.Names = append(p.Names, c.ID)
	}
	for _, name := range c.Identifiers {
		p.Names = append(p.Names, name)
	}
	for algorithm, hash := range c.Hashes {
		if algorithm == openvex.SHA256 {
			p.Digests = append(p.Digests, strings.ToLower(string(hash)))
		}
	}
	return p
}

func joinReasons(reasons ...string) string {
	var said []string
	for _, r := range reasons {
		if r = strings.TrimSpace(r); r != "" {
			said = append(said, r)
		}
	}
	return strings.Join(said, "; ")
}
