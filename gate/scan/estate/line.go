package estate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"github.com/imagegate/imagegate/policy"
)

// Line is the record as one line of JSON with its end, at most MaxLine bytes and
// one: where it would be longer, lists are cut and what is left out is counted.
// The error says that it is no record of a judged digest.
func (r Record) Line() ([]byte, error) {
	r.SchemaVersion = RecordVersion
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("writing the record of %s: %w", clip(r.name(), nameBytes), err)
	}
	for part := 1; ; part *= 2 {
		data, err := json.Marshal(r.bounded(part))
		if err != nil {
			return nil, fmt.Errorf("writing the record of %s: %w", clip(r.name(), nameBytes), err)
		}
		if len(data) <= MaxLine {
			return append(data, '\n'), nil
		}
		if part > maxLayers {
			return nil, fmt.Errorf("writing the record of %s: it is longer than %d bytes", clip(r.name(), nameBytes), MaxLine)
		}
	}
}

// Write writes the record as one line, in one call.
func Write(w io.Writer, r Record) error {
	line, err := r.Line()
	if err != nil {
		return err
	}
	_, err = w.Write(line)
	return err
}

// ParseLine reads one line, with or without its end. Unknown fields, other
// versions and verdicts that are none are errors.
func ParseLine(line []byte) (Record, error) {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) > MaxLine {
		return Record{}, fmt.Errorf("the line is longer than %d bytes", MaxLine)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var r Record
	if err := d.Decode(&r); err != nil {
		return Record{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Record{}, errors.New("the line holds more than one value")
	}
	return r, r.check()
}

var sha256Digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// check says whether this can be a record of a judged digest. A word that is no
// verdict is an error, so that a damaged record is never taken for an answer.
func (r Record) check() error {
	verdicts := []policy.Decision{policy.Allow, policy.Deny, policy.NotDecidable}
	switch {
	case r.SchemaVersion != RecordVersion:
		return fmt.Errorf("its schemaVersion is %q, not %q", clip(r.SchemaVersion, 20), RecordVersion)
	case !slices.Contains(verdicts, r.Verdict):
		return fmt.Errorf("its verdict is %q, none of allow, deny and undecided", clip(string(r.Verdict), 20))
	case !slices.Contains(policy.Stages(), r.Stage):
		return fmt.Errorf("its stage is %q", clip(string(r.Stage), 20))
	case len(r.References) == 0:
		return errors.New("it names no reference")
	case r.Digest != "" && !sha256Digest.MatchString(r.Digest):
		return fmt.Errorf("its digest is %q", clip(r.Digest, 80))
	case r.Digest == "" && r.Verdict == policy.Allow:
		return errors.New("it allows an image without a digest")
	case r.JudgedAt.IsZero():
		return errors.New("it does not say when it was judged")
	}
	return r.checkNumbers()
}

func (r Record) checkNumbers() error {
	smallest := min(r.PulledBytes, r.SavedBytes, r.Milliseconds)
	for _, n := range r.Severities {
		smallest = min(smallest, int64(n))
	}
	for _, n := range r.Omitted {
		smallest = min(smallest, int64(n))
	}
	for _, f := range r.Findings {
		smallest = min(smallest, int64(f.Count))
	}
	for _, p := range r.Platforms {
		smallest = min(smallest, int64(p.Packages))
		for _, l := range p.Layers {
			smallest = min(smallest, l.Bytes)
		}
	}
	if smallest < 0 {
		return errors.New("one of its numbers is negative")
	}
	return nil
}

// name is how the record is spoken of.
func (r Record) name() string {
	if len(r.References) > 0 {
		return r.References[0]
	}
	return r.Digest
}
