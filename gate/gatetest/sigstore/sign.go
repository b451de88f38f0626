package sigstoretest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// Form is how a signature or attestation is written down.
type Form string

// The forms. Classic is a payload with annotations, kept at a tag derived from
// the digest; Bundle is one JSON document, kept as a referrer of the image.
const (
	Classic Form = "classic"
	Bundle  Form = "bundle"
)

// The media types of what is signed.
const (
	simpleSigningType = "application/vnd.dev.cosign.simplesigning.v1+json"
	envelopeType      = "application/vnd.dsse.envelope.v1+json"
	bundleType        = "application/vnd.dev.sigstore.bundle.v0.3+json"
	inTotoType        = "application/vnd.in-toto+json"
)

// signPredicate is the predicate type of a bundle that is a signature.
const signPredicate = "https://sigstore.dev/cosign/sign/v1"

// Sign signs the image with a digest ("sha256:…").
func (w *World) Sign(digest string, by Signer, form Form, options ...Option) (Artifact, error) {
	r := w.request(options)
	if form == Bundle {
		return w.statement(digest, by, form, signPredicate, struct{}{}, r)
	}
	c, err := by.credential(w, r)
	if err != nil {
		return Artifact{}, err
	}
	payload, err := json.Marshal(object{
		"critical": object{
			"identity": object{"docker-reference": r.repository},
			"image":    object{"docker-manifest-digest": digest},
			"type":     "cosign container image signature",
		},
		"optional": nil,
	})
	if err != nil {
		return Artifact{}, fmt.Errorf("encoding payload: %w", err)
	}
	signed, err := c.key.sign(payload)
	if err != nil {
		return Artifact{}, fmt.Errorf("signing payload: %w", err)
	}
	a := Artifact{Digest: digest, MediaType: simpleSigningType, Payload: payload, suffix: ".sig"}
	kind, spec := c.hashedRekord(payload, signed)
	a.Annotations, err = w.annotations(r, c, kind, spec, signed)
	a.Annotations[annotationSignature] = base64Of(signed)
	return a, err
}

// Attest states a predicate, which is encoded as JSON, about the image with a
// digest.
func (w *World) Attest(digest string, by Signer, form Form, predicateType string, predicate any, options ...Option) (Artifact, error) {
	return w.statement(digest, by, form, predicateType, predicate, w.request(options))
}

func (w *World) statement(digest string, by Signer, form Form, predicateType string, predicate any, r request) (Artifact, error) {
	statementType := "https://in-toto.io/Statement/v0.1"
	if form == Bundle {
		statementType = "https://in-toto.io/Statement/v1"
	}
	algorithm, hex, _ := strings.Cut(digest, ":")
	statement, err := json.Marshal(object{
		"_type":         statementType,
		"subject":       []object{{"name": r.repository, "digest": object{algorithm: hex}}},
		"predicateType": predicateType,
		"predicate":     predicate,
	})
	if err != nil {
		return Artifact{}, fmt.Errorf("encoding statement: %w", err)
	}
	return w.envelope(digest, by, form, statement, r)
}

// envelope signs a statement in a DSSE envelope
// (https://github.com/secure-systems-lab/dsse/blob/master/envelope.md).
func (w *World) envelope(digest string, by Signer, form Form, statement []byte, r request) (Artifact, error) {
	c, err := by.credential(w, r)
	if err != nil {
		return Artifact{}, err
	}
	encoded := dsse.PAE(inTotoType, statement)
	signed, err := c.key.sign(encoded)
	if err != nil {
		return Artifact{}, fmt.Errorf("signing statement: %w", err)
	}
	envelope, err := json.Marshal(object{
		"payloadType": inTotoType, "payload": statement, "signatures": []object{{"keyid": "", "sig": signed}},
	})
	if err != nil {
		return Artifact{}, fmt.Errorf("encoding envelope: %w", err)
	}
	s := sealed{credential: c, statement: statement, encoded: encoded, signature: signed, envelope: envelope}
	if form == Bundle {
		return w.bundle(digest, s, r)
	}
	return w.attestation(digest, s, r)
}

// sealed is a signed envelope.
type sealed struct {
	*credential
	statement, encoded, signature, envelope []byte
}
