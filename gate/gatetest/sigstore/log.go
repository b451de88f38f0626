package sigstoretest

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/rekor/pkg/util"
	"github.com/sigstore/sigstore/pkg/signature"
)

// logIndex is the index of every entry: each is the first of a log of its own.
const logIndex = 0

// object is JSON whose keys encoding/json sorts, which makes it canonical
// (RFC 8785) for the ASCII keys and base64 values of log entries.
type object map[string]any

func hashOf(data []byte) object {
	sum := sha256.Sum256(data)
	return object{"algorithm": "sha256", "value": hex.EncodeToString(sum[:])}
}

// entry is one entry of Rekor v1.
type entry struct {
	kind string
	body []byte
	at   time.Time
	set  []byte // signed entry timestamp
}

// hashedRekord is the entry of a signature over a payload.
func (c *credential) hashedRekord(payload, signature []byte) (string, object) {
	return "hashedrekord", object{
		"data":      object{"hash": hashOf(payload)},
		"signature": object{"content": signature, "publicKey": object{"content": c.pem}},
	}
}

// dsseEntry is the entry of an envelope.
func (c *credential) dsseEntry(envelope, payload, signature []byte) (string, object) {
	return "dsse", object{
		"envelopeHash": hashOf(envelope), "payloadHash": hashOf(payload),
		"signatures": []object{{"signature": signature, "verifier": c.pem}},
	}
}

// append puts a body into the log, which promises to include it.
func (w *World) append(r request, kind string, spec object) (*entry, error) {
	body, err := json.Marshal(object{"apiVersion": "0.0.1", "kind": kind, "spec": spec})
	if err != nil {
		return nil, fmt.Errorf("encoding log entry: %w", err)
	}
	e := &entry{kind: kind, body: body, at: r.at}
	promised, err := json.Marshal(e.payload(w))
	if err != nil {
		return nil, fmt.Errorf("encoding log entry: %w", err)
	}
	e.set, err = r.log.sign(promised)
	return e, err
}

// payload is what a signed entry timestamp is over.
func (e *entry) payload(w *World) object {
	return object{
		"body": e.body, "integratedTime": e.at.Unix(), "logIndex": logIndex, "logID": hex.EncodeToString(w.rekor.id()),
	}
}

// annotation is the entry as classic signatures carry it.
func (e *entry) annotation(w *World) (string, error) {
	text, err := json.Marshal(object{"SignedEntryTimestamp": e.set, "Payload": e.payload(w)})
	return string(text), err
}

// proto is the entry as bundles carry it: with a proof of its inclusion in a log
// of two entries.
func (e *entry) proto(w *World, r request) (*protorekor.TransparencyLogEntry, error) {
	sibling := sha256.Sum256([]byte("sibling"))
	leaf := leafHash(e.body)
	root := sha256.Sum256(append(append([]byte{1}, leaf...), sibling[:]...))
	signer, err := signature.LoadSigner(r.log.private, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("loading log key: %w", err)
	}
	checkpoint, err := util.CreateAndSignCheckpoint(context.Background(), rekorHost, 1, 2, root[:], signer)
	if err != nil {
		return nil, fmt.Errorf("signing checkpoint: %w", err)
	}
	return &protorekor.TransparencyLogEntry{
		LogIndex: logIndex, LogId: &protocommon.LogId{KeyId: w.rekor.id()},
		KindVersion:      &protorekor.KindVersion{Kind: e.kind, Version: "0.0.1"},
		IntegratedTime:   e.at.Unix(),
		InclusionPromise: &protorekor.InclusionPromise{SignedEntryTimestamp: e.set},
		InclusionProof: &protorekor.InclusionProof{
			LogIndex: logIndex, TreeSize: 2, RootHash: root[:], Hashes: [][]byte{sibling[:]},
			Checkpoint: &protorekor.Checkpoint{Envelope: string(checkpoint)},
		},
		CanonicalizedBody: e.body,
	}, nil
}

// leafHash is the Merkle leaf of an entry (RFC 6962 section 2.1).
func leafHash(body []byte) []byte {
	sum := sha256.Sum256(append([]byte{0}, body...))
	return sum[:]
}

func base64Of(data []byte) string { return base64.StdEncoding.EncodeToString(data) }
