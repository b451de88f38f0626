package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
	"github.com/imagegate/imagegate/policy"
)

const (
	simpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	sigstoreType  = "application/vnd.dev.sigstore.bundle.v0.3+json"
	spdxType      = "https://spdx.dev/Document"
)

func badSignatures() []badInput {
	return []badInput{
		{"none", func(s *scene) { s.byKey(); s.good() }, policy.Deny, "no signature was found", 0},
		{"valid, for comparison", func(s *scene) {
			s.byKey()
			image := s.good()
			s.beside(image, s.signed(image, s.key, sigstoretest.Classic, sigstoretest.WithoutLog()))
		}, policy.Allow, "signed by cosign.pub", 0},
		{"wrong key", func(s *scene) {
			s.byKey()
			image := s.good()
			s.beside(image, s.signed(image, s.other, sigstoretest.Classic), s.signed(image, s.other, sigstoretest.Bundle))
		}, policy.Deny, "not made with this key", 0},
		{"wrong identity", func(s *scene) {
			s.byCI()
			image := s.good()
			s.beside(image, s.signed(image, sigstoretest.Identity{Subject: "eve@example.com", Issuer: ci.Issuer}, sigstoretest.Classic))
		}, policy.Deny, "none of the expected identities matched", 0},
		{"wrong issuer, in a bundle", func(s *scene) {
			s.byCI()
			image := s.good()
			s.beside(image, s.signed(image, sigstoretest.Identity{Subject: ci.Subject, Issuer: "https://evil.example.com"}, sigstoretest.Bundle))
		}, policy.Deny, "expected issuer value", 0},
		{"copied from another image", func(s *scene) {
			s.byKey()
			other := namedImage(s.t, "other")
			s.beside(s.good(), s.signed(other, s.key, sigstoretest.Classic), s.signed(other, s.key, sigstoretest.Bundle))
		}, policy.Deny, "about another image", 0},
		{"of a tag that was moved", func(s *scene) {
			s.byKey()
			image := s.good()
			s.beside(image, s.signed(image, s.key, sigstoretest.Classic))
			s.push(namedImage(s.t, "other"))
		}, policy.Deny, "no signature was found", 0},
		{"payload tampered", func(s *scene) {
			s.byKey()
			image := s.good()
			spoilt := s.signed(image, s.key, sigstoretest.Classic).Clone()
			spoilt.Payload = bytes.Replace(spoilt.Payload, []byte(`"optional":null`), []byte(`"optional":{}`), 1)
			s.beside(image, spoilt)
		}, policy.Deny, "not made with this key", 0},
		{"SBOM attestation posing as a signature", func(s *scene) {
			s.byKey()
			image := s.good()
			s.beside(image, s.attestedSBOM(image, sigstoretest.Classic), s.attestedSBOM(image, sigstoretest.Bundle))
		}, policy.Deny, "is not signed", 0},
		{"SBOM attestation under the tag of signatures", func(s *scene) {
			s.byKey()
			image := s.good()
			attested := s.attestedSBOM(image, sigstoretest.Classic)
			s.atSignatureTag(image, gatetest.Piece{Content: attested.Payload, MediaType: attested.MediaType, Annotations: attested.Annotations})
		}, policy.Deny, "is not signed", 0},
		{"1,000 garbage signatures", func(s *scene) { s.byKey(); s.garbage(s.good(), 1000) }, policy.NotDecidable, "Attachments of 50", 0},
		{"1,000 garbage signatures as referrers", func(s *scene) {
			s.byKey()
			s.good()
			s.registry.Break("/referrers/", gatetest.Body("application/vnd.oci.image.index.v1+json", manyReferrers(1000)))
		}, policy.NotDecidable, "Attachments", 0},
		{"1,000 garbage signatures beside a valid one", func(s *scene) {
			s.byKey()
			image := s.good()
			s.garbage(image, 1000)
			s.beside(image, s.signed(image, s.key, sigstoretest.Bundle))
		}, policy.NotDecidable, "Attachments of 50", 0},
		{"40 garbage signatures before a valid one", func(s *scene) {
			s.byKey()
			image := s.good()
			s.garbage(image, 40)
			s.beside(image, s.signed(image, s.key, sigstoretest.Bundle))
		}, policy.Allow, "signed by cosign.pub", 0},
		{"payload that crashes the library", func(s *scene) {
			s.byCI()
			image := s.good()
			crash := s.signed(image, s.key, sigstoretest.Classic).Clone()
			crash.Annotations["dev.sigstore.cosign/bundle"] = `{"SignedEntryTimestamp":"","Payload":{"body":1,"integratedTime":1,"logIndex":1,"logID":""}}`
			s.beside(image, crash)
		}, policy.Deny, "panic", 0},
		{"bundle of 1 MB that unpacks to gigabytes", func(s *scene) {
			s.byKey()
			image := s.good()
			about := gatetest.DescriptorOf(s.t, image)
			s.registry.Push("app:bundle", gatetest.Artifact(s.t, &about, gatetest.Blob(bomb(s.t, 1<<30), sigstoreType)))
		}, policy.Deny, "is not signed", 0},
		{"bundle of 1 MB that takes gigabytes to parse", func(s *scene) {
			s.byKey()
			image := s.good()
			about := gatetest.DescriptorOf(s.t, image)
			wide := `{"verificationMaterial":{"tlogEntries":[` + strings.Repeat(`{},`, 350_000) + `{}]}}`
			s.registry.Push("app:bundle", gatetest.Artifact(s.t, &about, gatetest.Blob([]byte(wide), sigstoreType)))
		}, policy.NotDecidable, "number of values", 0},
		{"bundle of 20 MB", func(s *scene) {
			s.byKey()
			image := s.good()
			about := gatetest.DescriptorOf(s.t, image)
			s.registry.Push("app:bundle", gatetest.Artifact(s.t, &about, gatetest.Blob(make([]byte, 20<<20), sigstoreType)))
		}, policy.NotDecidable, "20971520", 0},
		{"no log entry", func(s *scene) {
			s.byCI()
			image := s.good()
			s.beside(image, s.signed(image, ci, sigstoretest.Bundle, sigstoretest.WithoutLog()))
		}, policy.Deny, "no transparency log entry", 0},
		{"certificate that had expired", func(s *scene) {
			s.byCI()
			image := s.good()
			s.beside(image, s.signed(image, ci, sigstoretest.Classic, sigstoretest.AfterExpiry()))
		}, policy.Deny, "certificate expired", 0},
		{"a subject that names the image, for a bundle of another", func(s *scene) {
			s.byCI()
			image, other := s.good(), namedImage(s.t, "other")
			about := gatetest.DescriptorOf(s.t, image)
			bundle := s.signed(other, ci, sigstoretest.Bundle)
			s.registry.Push("app:bundle", gatetest.Artifact(s.t, &about, gatetest.Blob(bundle.Payload, bundle.MediaType)))
		}, policy.Deny, "about another image", 0},
		{"list of referrers without a list", func(s *scene) {
			s.byKey()
			s.good()
			s.registry.Break("/referrers/", gatetest.Body("application/vnd.oci.image.index.v1+json", []byte(`{"schemaVersion":2}`)))
		}, policy.NotDecidable, "referrers", 0},
		{"signature that cannot be fetched", func(s *scene) {
			s.byKey()
			image := s.good()
			s.beside(image, s.signed(image, s.key, sigstoretest.Classic))
			s.registry.Break(".sig", gatetest.Status(500))
		}, policy.NotDecidable, ".sig: GET", 0},
		{"signature by a reference to another digest algorithm", func(s *scene) {
			s.byKey()
			image := s.good()
			digest, err := image.Digest()
			require.NoError(s.t, err)
			short, err := s.sigstore.Sign("sha512:"+digest.Hex+digest.Hex, s.key, sigstoretest.Classic)
			require.NoError(s.t, err)
			s.beside(image, short)
		}, policy.Deny, "about another image", 0},
	}
}

func (s *scene) attestedSBOM(image v1.Image, form sigstoretest.Form) sigstoretest.Artifact {
	s.t.Helper()
	digest, err := image.Digest()
	require.NoError(s.t, err)
	artifact, err := s.sigstore.Attest(digest.String(), s.key, form, spdxType, map[string]any{"spdxVersion": "SPDX-2.3"})
	require.NoError(s.t, err)
	return artifact
}

// atSignatureTag puts whatever it is where cosign keeps signatures.
func (s *scene) atSignatureTag(image v1.Image, pieces ...gatetest.Piece) {
	s.t.Helper()
	digest, err := image.Digest()
	require.NoError(s.t, err)
	s.registry.Push("app:"+gatetest.BesideTag(digest, ".sig"), gatetest.Artifact(s.t, nil, pieces...))
}

func (s *scene) garbage(image v1.Image, n int) {
	pieces := make([]gatetest.Piece, n)
	for i := range pieces {
		pieces[i] = gatetest.Piece{
			Content: fmt.Appendf(nil, `{"critical":{"image":%d}}`, i), MediaType: simpleSigning,
			Annotations: map[string]string{"dev.cosignproject.cosign/signature": "AAAA"},
		}
	}
	s.atSignatureTag(image, pieces...)
}

func manyReferrers(n int) []byte {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"sha256:%064x","artifactType":%q}`, i, sigstoreType)
	}
	return []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[` + strings.Join(list, ",") + `]}`)
}

// bomb is a gzip stream that unpacks to n zeros: one piece, repeated (RFC 1952,
// members follow each other).
func bomb(t require.TestingT, n int) []byte {
	const piece = 16 << 20
	var member bytes.Buffer
	w, err := gzip.NewWriterLevel(&member, gzip.BestCompression)
	require.NoError(t, err)
	_, err = w.Write(make([]byte, piece))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return bytes.Repeat(member.Bytes(), n/piece)
}
