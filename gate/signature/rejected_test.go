package signature

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

func TestRejected(t *testing.T) {
	t.Parallel()
	stranger := sigstoretest.Identity{Subject: "mallory@example.com", Issuer: issuer}
	cases := map[string]struct {
		keyless, key bool // which kinds of signer it applies to
		attachment   func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment
		options      []Option
		classic      string // reason
		bundle       string
	}{
		"wrong key": {
			key: true,
			attachment: func(f *fixture, _ sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				return f.sign(subject, newKey(f.t), form)
			},
			classic: "not made with this key", bundle: "not made with this key",
		},
		"wrong key, log ignored": {
			key: true, options: []Option{WithInsecureIgnoreLog()},
			attachment: func(f *fixture, _ sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				return f.sign(subject, newKey(f.t), form)
			},
			classic: "not made with this key", bundle: "not made with this key",
		},
		"wrong subject": {
			keyless: true,
			attachment: func(f *fixture, _ sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				return f.sign(subject, stranger, form)
			},
			classic: "none of the expected identities matched", bundle: "expected SAN value",
		},
		"wrong issuer": {
			keyless: true,
			attachment: func(f *fixture, _ sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				return f.sign(subject, sigstoretest.Identity{Subject: email, Issuer: "https://evil.example.com"}, form)
			},
			classic: "none of the expected identities matched", bundle: "expected issuer value",
		},
		"copied from another image": {
			keyless: true, key: true,
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				return f.sign(other, by, form)
			},
			classic: "about another image", bundle: "about another image",
		},
		"payload changed to name this image": {
			keyless: true,
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				a := f.sign(other, by, form)
				a.Payload = swapped(f.t, a.Payload, f.sign(subject, newKey(f.t), form).Payload)
				return a
			},
			// The certificate's key is looked at after the log entry.
			classic: "matching bundle to payload", bundle: "payload hash",
		},
		"payload changed to name this image, by key": {
			key: true,
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				a := f.sign(other, by, form)
				a.Payload = swapped(f.t, a.Payload, f.sign(subject, newKey(f.t), form).Payload)
				return a
			},
			classic: "not made with this key", bundle: "not made with this key",
		},
		"no log entry": {
			keyless: true, key: true,
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				return f.sign(subject, by, form, sigstoretest.WithoutLog())
			},
			classic: "no transparency log entry", bundle: "no transparency log entry",
		},
		"log entry by another key": {
			keyless: true, key: true,
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				return f.sign(subject, by, form, sigstoretest.WithLogKey(newKey(f.t)))
			},
			classic: "unable to verify SET", bundle: "not enough verified log entries",
		},
		"another instance": {
			keyless: true, key: true,
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				elsewhere := newFixture(f.t)
				return elsewhere.sign(subject, by, form)
			},
			classic: "rekor log public key not found", bundle: "not enough verified log entries",
		},
		"another authority, log ignored": {
			keyless: true, options: []Option{WithInsecureIgnoreLog()},
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				elsewhere := newFixture(f.t)
				return elsewhere.sign(subject, by, form, sigstoretest.At(time.Now()))
			},
			classic: "leaf certificate verification failed", bundle: "leaf certificate verification failed",
		},
		"certificate expired when it was used": {
			keyless: true,
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				return f.sign(subject, by, form, sigstoretest.AfterExpiry())
			},
			classic: "certificate expired before signatures were entered in log", bundle: "integrated time outside certificate validity",
		},
		"certificate expired by its timestamp": {
			keyless: true, options: []Option{WithInsecureOptionalLog()},
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				return f.sign(subject, by, form, sigstoretest.AfterExpiry(), sigstoretest.WithoutLog(), sigstoretest.WithTimestamp())
			},
			classic: "checking expiry on certificate with timestamp", bundle: "leaf certificate verification failed",
		},
		"certificate expired and nothing dates it": {
			keyless: true, options: []Option{WithInsecureOptionalLog()},
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				return f.sign(subject, by, form, sigstoretest.WithoutLog())
			},
			classic: "expected a signed timestamp to verify an expired certificate", bundle: "leaf certificate verification failed",
		},
		"log ignored, although it alone dates the certificate": {
			keyless: true, options: []Option{WithInsecureIgnoreLog()},
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				return f.sign(subject, by, form)
			},
			classic: "expected a signed timestamp to verify an expired certificate", bundle: "leaf certificate verification failed",
		},
		"no SCT": {
			keyless: true,
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				return f.sign(subject, by, form, sigstoretest.WithoutSCT())
			},
			classic: "does not include required embedded SCT", bundle: "only able to verify 0 SCT entries",
		},
		"timestamp missing": {
			keyless: true, key: true, options: []Option{WithTimestampRequired()},
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				return f.sign(subject, by, form)
			},
			classic: "no RFC 3161 timestamp", bundle: "no RFC 3161 timestamp",
		},
		"timestamp by another authority": {
			keyless: true, key: true, options: []Option{WithTimestampRequired()},
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				return f.sign(subject, by, form, sigstoretest.WithTimestampOf(newFixture(f.t).World))
			},
			classic: "verifying the RFC 3161 timestamp", bundle: "threshold not met for verified signed timestamps",
		},
		"unknown media type": {
			keyless: true, key: true,
			attachment: func(f *fixture, by sigstoretest.Signer, form sigstoretest.Form) gate.Attachment {
				a := f.sign(subject, by, form)
				a.MediaType = "application/vnd.oci.image.layer.v1.tar+gzip"
				return a
			},
			classic: "no signature, attestation or Sigstore bundle", bundle: "no signature, attestation or Sigstore bundle",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, f *fixture, form sigstoretest.Form, keyless bool) {
				if keyless && !c.keyless || !keyless && !c.key {
					return
				}
				signer, by := f.signer(keyless)
				got := f.verify(f.verifier([]Signer{signer}, c.options...), c.attachment(f, by, form))
				want := map[sigstoretest.Form]string{sigstoretest.Classic: c.classic, sigstoretest.Bundle: c.bundle}[form]
				requireRejected(t, got, want)
			})
		})
	}
}

// swapped is a payload that says what another one says; of a bundle only the
// statement is swapped, and its signature kept.
func swapped(t testing.TB, payload, says []byte) []byte {
	t.Helper()
	var to, from map[string]any
	require.NoError(t, json.Unmarshal(payload, &to))
	require.NoError(t, json.Unmarshal(says, &from))
	envelope, ok := to["dsseEnvelope"].(map[string]any)
	if !ok {
		return says
	}
	envelope["payload"] = from["dsseEnvelope"].(map[string]any)["payload"]
	spoilt, err := json.Marshal(to)
	require.NoError(t, err)
	return spoilt
}
