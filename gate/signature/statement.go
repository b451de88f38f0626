package signature

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// SignPredicate is the predicate type by which a Sigstore bundle says that it is
// a signature of an image, as cosign writes it.
const SignPredicate = "https://sigstore.dev/cosign/sign/v1"

// The in-toto statement types
// (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md).
const (
	statementV01 = "https://in-toto.io/Statement/v0.1"
	statementV1  = "https://in-toto.io/Statement/v1"
	inTotoType   = "application/vnd.in-toto+json"
)

// statement is what an in-toto statement says, as far as the gate asks.
type statement struct {
	Type    string `json:"_type"`
	Subject []struct {
		Digest map[string]string `json:"digest"`
	} `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

// readStatement takes the statement out of a DSSE envelope, and refuses one that
// does not claim to be about the digest. The claim is not verified yet.
func readStatement(envelope *dsse.Envelope, digest v1.Hash, limits Limits) (statement, error) {
	var s statement
	if envelope.PayloadType != inTotoType {
		return s, fmt.Errorf("payload type %q is no in-toto statement", envelope.PayloadType)
	}
	text, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err != nil {
		return s, fmt.Errorf("decoding the envelope's payload: %w", err)
	}
	if err := (jsonBounds{"statement", maxNesting, limits.StatementValues}).check(text); err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("decoding the statement: %w", err)
	}
	return s, s.about(digest)
}

func (s statement) about(digest v1.Hash) error {
	if s.Type != statementV01 && s.Type != statementV1 {
		return fmt.Errorf("statement type %q is unknown", s.Type)
	}
	if s.PredicateType == "" {
		return errors.New("statement has no predicate type")
	}
	for _, subject := range s.Subject {
		if subject.Digest[digest.Algorithm] == digest.Hex {
			return nil
		}
	}
	return fmt.Errorf("statement is about another image: none of its %d subjects is %s", len(s.Subject), digest)
}
