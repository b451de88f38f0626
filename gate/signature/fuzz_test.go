package signature

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

// Whatever the bytes, they prove nothing: no key of the world signed them for
// this digest.
func requireNothing(t *testing.T, v *Verifier, a gate.Attachment) {
	t.Helper()
	got := v.Verify(t.Context(), digestOf("an image nobody signed"), []gate.Attachment{a})
	require.Empty(t, got.Signatures)
	require.Empty(t, got.Attestations)
	require.Len(t, got.Rejected, 1)
	require.NotEmpty(t, got.Rejected[0].Reason)
}

func fuzzVerifier(f *testing.F) (*fixture, *Verifier) {
	w := newFixture(f)
	key, _ := w.signer(false)
	ci, _ := w.signer(true)
	return w, w.verifier([]Signer{key, ci}, WithInsecureOptionalLog())
}

func FuzzVerifyPayloadAndAnnotations(f *testing.F) {
	w, v := fuzzVerifier(f)
	unsigned := digestOf("an image nobody signed")
	for _, by := range []sigstoretest.Signer{newKey(f), sigstoretest.Identity{Subject: "mallory@example.com", Issuer: issuer}} {
		for _, a := range []gate.Attachment{
			w.sign(unsigned, by, sigstoretest.Classic, sigstoretest.WithTimestamp()),
			w.attest(unsigned, by, sigstoretest.Classic, sbomType, nil),
		} {
			annotations, err := json.Marshal(a.Annotations)
			require.NoError(f, err)
			f.Add(a.MediaType == envelopeType, a.Payload, annotations)
		}
	}
	f.Add(false, mustPayload(f, unsigned), []byte(`{"dev.sigstore.cosign/bundle":"{\"Payload\":{\"body\":1}}"}`))
	f.Fuzz(func(t *testing.T, envelope bool, payload, annotations []byte) {
		a := gate.Attachment{MediaType: simpleSigningType, Payload: payload}
		if envelope {
			a.MediaType = envelopeType
		}
		if json.Unmarshal(annotations, &a.Annotations) != nil {
			a.Annotations = nil
		}
		requireNothing(t, v, a)
	})
}

func FuzzBundle(f *testing.F) {
	w, v := fuzzVerifier(f)
	unsigned := digestOf("an image nobody signed")
	for _, by := range []sigstoretest.Signer{newKey(f), sigstoretest.Identity{Subject: "mallory@example.com", Issuer: issuer}} {
		f.Add(w.sign(unsigned, by, sigstoretest.Bundle, sigstoretest.WithTimestamp()).Payload)
		f.Add(w.sign(unsigned, by, sigstoretest.Bundle, sigstoretest.WithRekorV2()).Payload)
		f.Add(w.attest(unsigned, by, sigstoretest.Bundle, sbomType, nil).Payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		requireNothing(t, v, gate.Attachment{MediaType: bundlePrefix + ".v0.3+json", Payload: payload})
	})
}
