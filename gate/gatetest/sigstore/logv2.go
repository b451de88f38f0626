package sigstoretest

import (
	"context"
	"crypto"
	"crypto/sha256"
	"fmt"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	tiles "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	"github.com/sigstore/rekor-tiles/v2/pkg/note"
	"github.com/sigstore/sigstore/pkg/signature"
	checkpoints "github.com/transparency-dev/formats/log"
	sumdb "golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/encoding/protojson"
)

// appendV2 puts an envelope into a log of Rekor v2, as the only entry of its
// tree: a hash of what the signature is over (its pre-authentication encoding),
// the signature, and who made it. Only P-256 keys are logged.
func (w *World) appendV2(r request, c *credential, encoded, signed []byte) (*protorekor.TransparencyLogEntry, error) {
	body, err := c.hashedRekordV2(encoded, signed)
	if err != nil {
		return nil, err
	}
	leaf := leafHash(body)
	checkpoint, err := signCheckpoint(r.log, leaf)
	if err != nil {
		return nil, err
	}
	return &protorekor.TransparencyLogEntry{
		LogIndex: logIndex, LogId: &protocommon.LogId{KeyId: w.rekor.id()},
		KindVersion: &protorekor.KindVersion{Kind: "hashedrekord", Version: "0.0.2"},
		InclusionProof: &protorekor.InclusionProof{
			LogIndex: logIndex, TreeSize: 1, RootHash: leaf, Checkpoint: &protorekor.Checkpoint{Envelope: checkpoint},
		},
		CanonicalizedBody: body,
	}, nil
}

func (c *credential) hashedRekordV2(encoded, signed []byte) ([]byte, error) {
	digest := sha256.Sum256(encoded)
	verifier := &tiles.Verifier{KeyDetails: protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256}
	if c.certificate != nil {
		verifier.Verifier = &tiles.Verifier_X509Certificate{X509Certificate: &protocommon.X509Certificate{RawBytes: c.certificate.Raw}}
	} else {
		verifier.Verifier = &tiles.Verifier_PublicKey{PublicKey: &tiles.PublicKey{RawBytes: c.key.der}}
	}
	body, err := protojson.Marshal(&tiles.Entry{
		Kind: "hashedrekord", ApiVersion: "0.0.2",
		Spec: &tiles.Spec{Spec: &tiles.Spec_HashedRekordV002{HashedRekordV002: &tiles.HashedRekordLogEntryV002{
			Data:      &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: digest[:]},
			Signature: &tiles.Signature{Content: signed, Verifier: verifier},
		}}},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding log entry: %w", err)
	}
	return jsoncanonicalizer.Transform(body)
}

func signCheckpoint(log *Key, root []byte) (string, error) {
	key, err := signature.LoadSignerVerifier(log.private, crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("loading log key: %w", err)
	}
	signer, err := note.NewNoteSigner(context.Background(), rekorHost, key)
	if err != nil {
		return "", fmt.Errorf("loading log key: %w", err)
	}
	text := checkpoints.Checkpoint{Origin: rekorHost, Size: 1, Hash: root}.Marshal()
	signed, err := sumdb.Sign(&sumdb.Note{Text: string(text)}, signer)
	if err != nil {
		return "", fmt.Errorf("signing checkpoint: %w", err)
	}
	return string(signed), nil
}
