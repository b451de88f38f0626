package sigstoretest

import (
	"fmt"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// bundle is an envelope as a Sigstore bundle v0.3.
func (w *World) bundle(digest string, s sealed, r request) (Artifact, error) {
	material, err := w.material(s, r)
	if err != nil {
		return Artifact{}, err
	}
	payload, err := protojson.Marshal(&protobundle.Bundle{
		MediaType: bundleType, VerificationMaterial: material,
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
			Payload: s.statement, PayloadType: inTotoType, Signatures: []*protodsse.Signature{{Sig: s.signature}},
		}},
	})
	if err != nil {
		return Artifact{}, fmt.Errorf("encoding bundle: %w", err)
	}
	return Artifact{Digest: digest, MediaType: bundleType, Payload: payload}, nil
}

func (w *World) material(s sealed, r request) (*protobundle.VerificationMaterial, error) {
	material := &protobundle.VerificationMaterial{Content: &protobundle.VerificationMaterial_PublicKey{
		PublicKey: &protocommon.PublicKeyIdentifier{Hint: s.key.hint()},
	}}
	if s.certificate != nil {
		material.Content = &protobundle.VerificationMaterial_Certificate{
			Certificate: &protocommon.X509Certificate{RawBytes: s.certificate.Raw},
		}
	}
	if !r.withoutLog {
		e, err := w.logEnvelope(s, r)
		if err != nil {
			return nil, err
		}
		material.TlogEntries = []*protorekor.TransparencyLogEntry{e}
	}
	if r.timestamped {
		stamp, err := r.stamper.stamper.stamp(s.signature, r.at)
		if err != nil {
			return nil, err
		}
		material.TimestampVerificationData = &protobundle.TimestampVerificationData{
			Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: stamp}},
		}
	}
	return material, nil
}

func (w *World) logEnvelope(s sealed, r request) (*protorekor.TransparencyLogEntry, error) {
	if r.rekorV2 {
		return w.appendV2(r, s.credential, s.encoded, s.signature)
	}
	kind, spec := s.dsseEntry(s.envelope, s.statement, s.signature)
	e, err := w.append(r, kind, spec)
	if err != nil {
		return nil, err
	}
	return e.proto(w, r)
}
