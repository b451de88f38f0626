package signature

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	"github.com/sigstore/cosign/v2/pkg/oci"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/sigstore/pkg/signature/payload"

	"github.com/imagegate/imagegate/gate"
)

// classic is a layer of cosign's first layout, the .sig and .att tags: a payload,
// with certificate, log entry and timestamp in its annotations.
type classic struct {
	seal
	digest    v1.Hash
	layer     oci.Signature
	entry     *bundle.RekorBundle
	timestamp *bundle.RFC3161Timestamp
	dated     []byte // what a timestamp is over

	check func(context.Context, oci.Signature, v1.Hash, *cosign.CheckOpts) (bool, error)
	claim claimVerifier
	says  proof // what it proves once it is verified
}

// openSimpleSigning reads a layer of a .sig manifest: a simple signing payload
// (https://github.com/containers/image/blob/main/docs/containers-signature.5.md)
// with its signature in an annotation.
func openSimpleSigning(a gate.Attachment, digest v1.Hash, limits Limits) (candidate, error) {
	if len(a.Payload) > limits.PayloadBytes {
		return nil, overLimit("size of the payload in bytes", limits.PayloadBytes)
	}
	if err := (jsonBounds{"payload", maxNesting, maxEnvelopeValues}).check(a.Payload); err != nil {
		return nil, err
	}
	var claim payload.SimpleContainerImage
	if err := json.Unmarshal(a.Payload, &claim); err != nil {
		return nil, fmt.Errorf("decoding the payload: %w", err)
	}
	if claim.Critical.Type != payload.CosignSignatureType {
		return nil, fmt.Errorf("payload type %q is no image signature", claim.Critical.Type)
	}
	if named := claim.Critical.Image.DockerManifestDigest; named != digest.String() {
		return nil, fmt.Errorf("payload is about another image: %s", named)
	}
	signature := a.Annotations[static.SignatureAnnotationKey]
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return nil, fmt.Errorf("decoding annotation %s: %w", static.SignatureAnnotationKey, err)
	}
	c := &classic{
		digest: digest, seal: seal{a.Payload, [][]byte{raw}}, dated: raw, says: proof{signature: true},
		check: cosign.VerifyImageSignature, claim: cosign.SimpleClaimVerifier,
	}
	return c, c.attach(a, signature)
}

// openEnvelope reads a layer of an .att manifest: a DSSE envelope around an
// in-toto statement. Whatever its predicate says, it is an attestation.
func openEnvelope(a gate.Attachment, digest v1.Hash, limits Limits) (candidate, error) {
	if len(a.Payload) > limits.AttestationBytes {
		return nil, overLimit("size of the envelope in bytes", limits.AttestationBytes)
	}
	if err := (jsonBounds{"envelope", maxNesting, maxEnvelopeValues}).check(a.Payload); err != nil {
		return nil, err
	}
	var envelope dsse.Envelope
	if err := json.Unmarshal(a.Payload, &envelope); err != nil {
		return nil, fmt.Errorf("decoding the envelope: %w", err)
	}
	s, err := readStatement(&envelope, digest, limits)
	if err != nil {
		return nil, err
	}
	sealed, err := envelopeSeal(&envelope)
	if err != nil {
		return nil, fmt.Errorf("decoding the envelope's signatures: %w", err)
	}
	c := &classic{
		digest: digest, seal: sealed, dated: a.Payload, says: proof{predicateType: s.PredicateType, predicate: s.Predicate},
		check: cosign.VerifyBlobAttestation, claim: cosign.IntotoSubjectClaimVerifier,
	}
	return c, c.attach(a, "")
}

// attach reads what lies beside the payload. A chain annotation is left out: only
// the trusted root says which authorities exist.
func (c *classic) attach(a gate.Attachment, signature string) error {
	var options []static.Option
	if certificate := a.Annotations[static.CertificateAnnotationKey]; certificate != "" {
		options = append(options, static.WithCertChain([]byte(certificate), nil))
	}
	if err := decodeAnnotation(a, static.BundleAnnotationKey, &c.entry); err != nil {
		return err
	}
	options = append(options, static.WithBundle(c.entry))
	if err := decodeAnnotation(a, static.RFC3161TimestampAnnotationKey, &c.timestamp); err != nil {
		return err
	}
	options = append(options, static.WithRFC3161Timestamp(c.timestamp))
	var err error
	c.layer, err = static.NewSignature(a.Payload, signature, options...)
	return err
}

func decodeAnnotation(a gate.Attachment, key string, into any) error {
	text, ok := a.Annotations[key]
	if !ok || text == "" {
		return nil
	}
	if err := (jsonBounds{"annotation " + key, maxNesting, maxEnvelopeValues}).check([]byte(text)); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("decoding annotation %s: %w", key, err)
	}
	return nil
}

func (c *classic) logged() bool { return c.entry != nil }

func (c *classic) verify(ctx context.Context, v *Verifier, by credential, useLog bool) (proof, error) {
	p := c.says
	if useLog && c.entry == nil {
		return proof{}, errNoEntry
	}
	useTimestamps := v.usesTimestamps(by, c.timestamp != nil)
	if useTimestamps {
		at, err := c.signedAt(v)
		if err != nil {
			return proof{}, err
		}
		p.signedAt = at
	}
	co, err := v.checkOpts(by, c.claim, useLog, useTimestamps)
	if err != nil {
		return proof{}, err
	}
	if _, err := c.check(ctx, c.layer, c.digest, co); err != nil {
		return proof{}, err
	}
	if useLog {
		p.loggedAt = earlier(nil, time.Unix(c.entry.Payload.IntegratedTime, 0))
	}
	if by.identity != nil {
		err = v.readCertificate(c.layer, by.identity, &p)
	}
	return p, err
}

var (
	errNoEntry     = errors.New("it carries no transparency log entry")
	errNoTimestamp = errors.New("it carries no RFC 3161 timestamp")
)

// signedAt verifies the timestamp. Cosign checks one that is there, but lets a
// signature without pass even where it is told to use timestamps, and panics over
// one that no authority of the trusted root made.
func (c *classic) signedAt(v *Verifier) (*time.Time, error) {
	if c.timestamp == nil {
		return nil, errNoTimestamp
	}
	err := errors.New("the trusted root has no timestamp authority")
	for _, authority := range v.root.TimestampingAuthorities() {
		at, failed := authority.Verify(c.timestamp.SignedRFC3161Timestamp, c.dated)
		if failed == nil {
			return earlier(nil, at.Time), nil
		}
		err = failed
	}
	return nil, fmt.Errorf("verifying the RFC 3161 timestamp: %w", err)
}
