package sigstoretest

import (
	"encoding/json"
	"fmt"
)

// The annotations of a classic layer
// (https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md).
const (
	annotationSignature   = "dev.cosignproject.cosign/signature"
	annotationCertificate = "dev.sigstore.cosign/certificate"
	annotationChain       = "dev.sigstore.cosign/chain"
	annotationEntry       = "dev.sigstore.cosign/bundle"
	annotationTimestamp   = "dev.sigstore.cosign/rfc3161timestamp"
)

// attestation is an envelope as a layer of an .att manifest.
func (w *World) attestation(digest string, s sealed, r request) (Artifact, error) {
	kind, spec := s.dsseEntry(s.envelope, s.statement, s.signature)
	annotations, err := w.annotations(r, s.credential, kind, spec, s.envelope)
	annotations[annotationSignature] = ""
	return Artifact{Digest: digest, MediaType: envelopeType, Payload: s.envelope, Annotations: annotations, suffix: ".att"}, err
}

// annotations are certificate, log entry and timestamp; dated is what the
// timestamp is over.
func (w *World) annotations(r request, c *credential, kind string, spec object, dated []byte) (map[string]string, error) {
	annotations := map[string]string{}
	if c.certificate != nil {
		annotations[annotationCertificate] = string(c.pem)
		annotations[annotationChain] = w.authority.chain()
	}
	if !r.withoutLog {
		e, err := w.append(r, kind, spec)
		if err != nil {
			return annotations, err
		}
		if annotations[annotationEntry], err = e.annotation(w); err != nil {
			return annotations, fmt.Errorf("encoding log entry: %w", err)
		}
	}
	if r.timestamped {
		stamp, err := r.stamper.stamper.stamp(dated, r.at)
		if err != nil {
			return annotations, err
		}
		text, err := json.Marshal(object{"SignedRFC3161Timestamp": stamp})
		if err != nil {
			return annotations, fmt.Errorf("encoding timestamp: %w", err)
		}
		annotations[annotationTimestamp] = string(text)
	}
	return annotations, nil
}
