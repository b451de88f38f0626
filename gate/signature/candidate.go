package signature

import (
	"context"
	"fmt"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/imagegate/imagegate/gate"
)

// The media types of attachments. Only they say what an attachment is: the
// artifact type of a referrer depends on the registry, annotations on whoever
// pushed it.
const (
	simpleSigningType = "application/vnd.dev.cosign.simplesigning.v1+json"
	envelopeType      = "application/vnd.dsse.envelope.v1+json"
	bundlePrefix      = "application/vnd.dev.sigstore.bundle"
)

// candidate is an attachment of the right form that claims to be about the
// digest. Nothing of it is verified.
type candidate interface {
	// logged says whether it carries something that claims to be a log entry.
	logged() bool
	// madeWith says whether a key made a signature of it.
	madeWith(key signature.Verifier) bool
	// verify checks it against one credential of a signer, with or without its
	// log entry.
	verify(ctx context.Context, v *Verifier, by credential, useLog bool) (proof, error)
}

// proof is what a candidate proves about the digest.
type proof struct {
	signature     bool // else an attestation with this predicate
	predicateType string
	predicate     []byte

	identity, issuer   string // of the certificate
	loggedAt, signedAt *time.Time
}

// open bounds an attachment, takes it apart and sees that it is about the digest.
func open(a gate.Attachment, digest v1.Hash, limits Limits) (candidate, error) {
	if a.Err != nil {
		return nil, &unread{fmt.Sprintf("not fetched: %v", a.Err)}
	}
	if err := boundAnnotations(a.Annotations, limits.AnnotationBytes); err != nil {
		return nil, err
	}
	switch {
	case a.MediaType == simpleSigningType:
		return openSimpleSigning(a, digest, limits)
	case a.MediaType == envelopeType:
		return openEnvelope(a, digest, limits)
	case strings.HasPrefix(a.MediaType, bundlePrefix):
		return openBundle(a, digest, limits)
	default:
		return nil, fmt.Errorf("media type %q is no signature, attestation or Sigstore bundle", a.MediaType)
	}
}

func boundAnnotations(annotations map[string]string, limit int) error {
	total := 0
	for key, value := range annotations {
		total += len(key) + len(value)
	}
	if total > limit {
		return overLimit("size of the annotations in bytes", limit)
	}
	return nil
}

// earlier is the earlier of two times; nil is no time.
func earlier(known *time.Time, t time.Time) *time.Time {
	if known != nil && !t.Before(*known) {
		return known
	}
	t = t.UTC()
	return &t
}
