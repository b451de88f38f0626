package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// MaxEvidenceBytes is the size of the largest evidence that is read: an image of
// some ten thousand packages has a few megabytes.
const MaxEvidenceBytes = 64 << 20

// EvidenceError is evidence that is not judged, since it cannot be read as what
// this version writes.
type EvidenceError struct {
	Reason string
	Hint   string
}

func (e *EvidenceError) Error() string { return e.Reason }

// Remedy is what to do next.
func (e *EvidenceError) Remedy() string { return e.Hint }

// EncodeEvidence writes evidence as one JSON object (RFC 8259), indented by two
// spaces: the form that DecodeEvidence reads.
func EncodeEvidence(e Evidence) ([]byte, error) {
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the evidence: %w", err)
	}
	return append(data, '\n'), nil
}

// DecodeEvidence reads one JSON object strictly: another version, an unknown
// field, a second object or too many bytes are an *EvidenceError, since evidence
// that is half understood must not be judged.
func DecodeEvidence(data []byte) (Evidence, error) {
	if len(data) > MaxEvidenceBytes {
		return Evidence{}, &EvidenceError{Reason: "too large for evidence: over " + ByteSize(MaxEvidenceBytes).String()}
	}
	// The version comes first: what another version has added is no spelling mistake.
	var head struct {
		SchemaVersion string          `json:"schemaVersion"`
		Results       json.RawMessage `json:"results"`
	}
	if err := json.Unmarshal(data, &head); err != nil { // a second object is an error too
		return Evidence{}, notEvidence(data, err)
	}
	if head.Results != nil {
		return Evidence{}, &EvidenceError{Reason: "a report, not evidence", Hint: "imagegate check REF --evidence-output FILE writes evidence"}
	}
	if head.SchemaVersion == "" {
		return Evidence{}, &EvidenceError{Reason: "not evidence: it names no schemaVersion", Hint: "imagegate check REF --evidence-output FILE writes evidence"}
	}
	if head.SchemaVersion != EvidenceVersion {
		return Evidence{}, &EvidenceError{
			Reason: "the evidence is of version " + quoted(head.SchemaVersion) + ", not " + EvidenceVersion,
			Hint:   "collect it again with this version: imagegate check REF --evidence-output FILE",
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var e Evidence
	if err := decoder.Decode(&e); err != nil {
		return Evidence{}, notEvidence(data, err)
	}
	return e, nil
}

// notEvidence says on which line a mistake is, as far as the decoder knows.
func notEvidence(data []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	offset := int64(-1)
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	}
	reason := "not evidence: " + clean(strings.TrimPrefix(err.Error(), "json: "), maxName)
	if offset >= 0 && offset <= int64(len(data)) {
		reason += fmt.Sprintf(" (line %d)", 1+bytes.Count(data[:offset], []byte("\n")))
	}
	return &EvidenceError{Reason: reason, Hint: "imagegate check REF --evidence-output FILE writes evidence"}
}
