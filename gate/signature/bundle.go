package signature

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/imagegate/imagegate/gate"
)

// bundled is a Sigstore bundle (https://docs.sigstore.dev/about/bundle/) around
// an in-toto statement.
type bundled struct {
	seal
	digest    v1.Hash
	bundle    *bundle.Bundle
	statement statement
}

func openBundle(a gate.Attachment, digest v1.Hash, limits Limits) (candidate, error) {
	if len(a.Payload) > limits.AttestationBytes {
		return nil, overLimit("size of the bundle in bytes", limits.AttestationBytes)
	}
	if err := (jsonBounds{"bundle", maxNesting, maxBundleValues}).check(a.Payload); err != nil {
		return nil, err
	}
	b := new(bundle.Bundle)
	if err := b.UnmarshalJSON(a.Payload); err != nil {
		return nil, fmt.Errorf("decoding the bundle: %w", err)
	}
	envelope, err := b.Envelope()
	if err != nil {
		return nil, errors.New("bundle holds no statement about an image: sign with cosign sign or cosign attest, not as a blob")
	}
	s, err := readStatement(envelope.Envelope, digest, limits)
	if err != nil {
		return nil, err
	}
	sealed, err := envelopeSeal(envelope.Envelope)
	if err != nil {
		return nil, fmt.Errorf("decoding the envelope's signatures: %w", err)
	}
	return &bundled{digest: digest, seal: sealed, bundle: b, statement: s}, nil
}

func (b *bundled) logged() bool { return len(b.bundle.GetVerificationMaterial().GetTlogEntries()) > 0 }

func (b *bundled) verify(ctx context.Context, v *Verifier, by credential, useLog bool) (proof, error) {
	if useLog && !b.logged() {
		return proof{}, errNoEntry
	}
	timestamps, err := b.bundle.Timestamps()
	if err != nil {
		return proof{}, err
	}
	if v.timestampRequired && len(timestamps) == 0 {
		return proof{}, errNoTimestamp
	}
	// The claim verifier is not called for bundles; the artifact digest binds them.
	co, err := v.checkOpts(by, cosign.IntotoSubjectClaimVerifier, useLog, v.usesTimestamps(by, len(timestamps) > 0))
	if err != nil {
		return proof{}, err
	}
	digest, err := hex.DecodeString(b.digest.Hex)
	if err != nil {
		return proof{}, err
	}
	result, err := cosign.VerifyNewBundle(ctx, co, verify.WithArtifactDigest(b.digest.Algorithm, digest), b.bundle)
	if err != nil {
		return proof{}, err
	}
	p, err := b.proven(result)
	if err == nil && useLog {
		p.loggedAt, err = b.loggedAt(v)
	}
	return p, err
}

// proven is what the verified statement says. It was read twice, by two parsers:
// where they disagree, it proves nothing.
func (b *bundled) proven(result *verify.VerificationResult) (proof, error) {
	if result.Statement.GetPredicateType() != b.statement.PredicateType {
		return proof{}, errors.New("the statement can be read in two ways")
	}
	p := proof{
		signature:     b.statement.PredicateType == SignPredicate,
		predicateType: b.statement.PredicateType,
		predicate:     b.statement.Predicate,
	}
	if certificate := result.Signature.Certificate; certificate != nil {
		p.identity, p.issuer = certificate.SubjectAlternativeName, certificate.Issuer
	}
	for _, timestamp := range result.VerifiedTimestamps {
		if timestamp.Type == "TimestampAuthority" {
			p.signedAt = earlier(p.signedAt, timestamp.Timestamp)
		}
	}
	return p, nil
}

// loggedAt is the log's time of a verified bundle, which only a signed entry
// timestamp of Rekor v1 proves.
func (b *bundled) loggedAt(v *Verifier) (*time.Time, error) {
	entries, err := b.bundle.TlogEntries()
	if err != nil {
		return nil, err
	}
	var at *time.Time
	for _, entry := range entries {
		if entry.HasInclusionPromise() && tlog.VerifySET(entry, v.root.RekorLogs()) == nil {
			at = earlier(at, entry.IntegratedTime())
		}
	}
	return at, nil
}
