package signature

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

// A log entry whose body is a number makes cosign v2.6.5 panic, and needs no key:
// through its own loop over signatures it ends the process.
func TestPanicInLibraryIsContained(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, keyless := range []bool{false, true} {
		signer, by := f.signer(keyless)
		v := f.verifier([]Signer{signer})
		for _, good := range []gate.Attachment{
			f.sign(subject, by, sigstoretest.Classic),
			f.attest(subject, by, sigstoretest.Classic, sbomType, nil),
		} {
			crash := good
			crash.Annotations = map[string]string{
				"dev.cosignproject.cosign/signature": good.Annotations["dev.cosignproject.cosign/signature"],
				"dev.sigstore.cosign/bundle":         `{"SignedEntryTimestamp":"","Payload":{"body":1,"integratedTime":1,"logIndex":1,"logID":""}}`,
			}
			requireRejected(t, f.verify(v, crash), "panic")

			got := f.verify(v, crash, good, crash)
			require.Len(t, got.Rejected, 2)
			require.Equal(t, 1, len(got.Signatures)+len(got.Attestations))
		}
	}
}

func TestContain(t *testing.T) {
	t.Parallel()
	t.Run("panic", func(t *testing.T) {
		_, err := contain(t.Context(), func() (int, error) { panic("no") })
		require.ErrorContains(t, err, "panic: no")
		require.False(t, isUnread(err))
	})
	t.Run("exit", func(t *testing.T) {
		_, err := contain(t.Context(), func() (int, error) { runtime.Goexit(); return 1, nil })
		require.ErrorContains(t, err, "without an answer")
	})
	t.Run("hang", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		release := make(chan struct{})
		defer close(release)
		_, err := contain(ctx, func() (int, error) { <-release; return 1, nil })
		require.True(t, isUnread(err))
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signer, by := f.signer(false)
	small := DefaultLimits()
	small.PayloadBytes, small.AttestationBytes, small.AnnotationBytes, small.StatementValues = 300, 8000, 4000, 50
	v := f.verifier([]Signer{signer}, WithLimits(small))
	require.Len(t, f.verify(v, f.sign(subject, by, sigstoretest.Classic), f.sign(subject, by, sigstoretest.Bundle)).Signatures, 2)

	values := make([]int, 60)
	for name, c := range map[string]struct {
		attachment gate.Attachment
		want       string
	}{
		"simple signing":        {f.sign(subject, by, sigstoretest.Classic, sigstoretest.ForRepository(strings.Repeat("a", 300))), "size of the payload"},
		"envelope":              {f.attest(subject, by, sigstoretest.Classic, sbomType, strings.Repeat("a", 8000)), "size of the envelope"},
		"bundle":                {f.attest(subject, by, sigstoretest.Bundle, sbomType, strings.Repeat("a", 8000)), "size of the bundle"},
		"values in an envelope": {f.attest(subject, by, sigstoretest.Classic, sbomType, values), "number of values in the statement"},
		"values in a bundle":    {f.attest(subject, by, sigstoretest.Bundle, sbomType, values), "number of values in the statement"},
		"annotations":           {gate.Attachment{MediaType: simpleSigningType, Annotations: map[string]string{"a": strings.Repeat("a", 4001)}}, "size of the annotations"},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.verify(v, c.attachment)
			require.Empty(t, got.Signatures)
			require.Empty(t, got.Attestations)
			require.Len(t, got.Rejected, 1)
			require.Contains(t, got.Rejected[0].Reason, c.want)
			require.True(t, got.Rejected[0].Unread, "it might have been valid")
		})
	}
}

func TestDeepAndWideJSON(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signer, _ := f.signer(false)
	v := f.verifier([]Signer{signer})
	deep := []byte(strings.Repeat(`{"a":`, 1_000_000))
	wide := []byte(`{"verificationMaterial":{"tlogEntries":[` + strings.Repeat(`{},`, 1_000_000) + `{}]}}`)
	statement := func(text []byte) []byte {
		envelope, err := json.Marshal(map[string]any{"payloadType": inTotoType, "payload": text, "signatures": []any{}})
		require.NoError(t, err)
		return envelope
	}
	for name, a := range map[string]gate.Attachment{
		"deep payload":    {MediaType: simpleSigningType, Payload: deep[:1<<20]},
		"deep envelope":   {MediaType: envelopeType, Payload: deep},
		"deep statement":  {MediaType: envelopeType, Payload: statement(deep)},
		"deep bundle":     {MediaType: bundlePrefix, Payload: deep},
		"wide bundle":     {MediaType: bundlePrefix, Payload: wide},
		"deep annotation": {MediaType: simpleSigningType, Payload: mustPayload(t, subject), Annotations: map[string]string{"dev.sigstore.cosign/bundle": string(deep[:100_000])}},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.verify(v, a)
			require.Len(t, got.Rejected, 1)
			require.True(t, got.Rejected[0].Unread, got.Rejected[0].Reason)
			require.Contains(t, got.Rejected[0].Reason, "exceeds the limit")
		})
	}
}

func mustPayload(t testing.TB, digest string) []byte {
	t.Helper()
	payload, err := json.Marshal(map[string]any{"critical": map[string]any{
		"image": map[string]any{"docker-manifest-digest": digest}, "type": "cosign container image signature",
	}})
	require.NoError(t, err)
	return payload
}

func TestHugeBundle(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signer, _ := f.signer(false)
	huge := bytes.Repeat([]byte(" "), DefaultLimits().AttestationBytes+1)
	got := f.verify(f.verifier([]Signer{signer}), gate.Attachment{MediaType: bundlePrefix + ".v0.3+json", Payload: huge})
	require.Len(t, got.Rejected, 1)
	require.True(t, got.Rejected[0].Unread)
	require.Contains(t, got.Rejected[0].Reason, "16777216")
}

func TestManyForged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signer, by := f.signer(true)
	forged := f.sign(subject, sigstoretest.Identity{Subject: "mallory@example.com", Issuer: issuer}, sigstoretest.Bundle)
	attachments := make([]gate.Attachment, 1000)
	for i := range attachments {
		attachments[i] = forged
		attachments[i].Source = fmt.Sprint(i)
	}
	attachments[999] = f.sign(subject, by, sigstoretest.Bundle)
	got := f.verify(f.verifier([]Signer{signer}), attachments...)
	require.Empty(t, got.Signatures)
	require.Len(t, got.Rejected, 51)
	last := got.Rejected[50]
	require.True(t, last.Unread)
	require.Equal(t, "50", last.Source)
	require.Contains(t, last.Reason, "950 attachments from here on were not verified: number of attachments exceeds the limit of 50")
}

// Garbage that is refused by its form does not use up the limit.
func TestGarbageDoesNotMask(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signer, by := f.signer(true)
	attachments := make([]gate.Attachment, 0, 1001)
	for i := range 1000 {
		attachments = append(attachments, gate.Attachment{
			MediaType: []string{simpleSigningType, envelopeType, bundlePrefix, ""}[i%4], Payload: []byte(`{"critical":{}}`),
		})
	}
	attachments = append(attachments, f.sign(subject, by, sigstoretest.Bundle))
	got := f.verify(f.verifier([]Signer{signer}), attachments...)
	require.Len(t, got.Signatures, 1)
	require.Len(t, got.Rejected, maxRejections)
	require.Contains(t, got.Rejected[maxRejections-1].Reason, "(and 900 more attachments rejected)")
}

func TestDroppedUnreadIsNotForgotten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signer, _ := f.signer(true)
	attachments := make([]gate.Attachment, maxRejections+1)
	attachments[maxRejections].Err = context.DeadlineExceeded
	got := f.verify(f.verifier([]Signer{signer}), attachments...)
	require.Len(t, got.Rejected, maxRejections)
	require.True(t, got.Rejected[maxRejections-1].Unread)
}

func TestRestIsNotForgottenAfterManyRejections(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signer, by := f.signer(false)
	one := DefaultLimits()
	one.Attachments = 1
	attachments := make([]gate.Attachment, maxRejections, maxRejections+3)
	good := f.sign(subject, by, sigstoretest.Bundle)
	got := f.verify(f.verifier([]Signer{signer}, WithLimits(one)), append(attachments, good, good, good)...)
	require.Len(t, got.Signatures, 1)
	require.Len(t, got.Rejected, maxRejections)
	last := got.Rejected[maxRejections-1]
	require.True(t, last.Unread)
	require.Contains(t, last.Reason, "(and 2 more attachments rejected)")
}

func TestOutOfTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signer, by := f.signer(true)
	good := f.sign(subject, by, sigstoretest.Bundle)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := f.verifier([]Signer{signer}).Verify(ctx, subject, []gate.Attachment{good, good})
	require.Empty(t, got.Signatures)
	require.Len(t, got.Rejected, 1)
	require.True(t, got.Rejected[0].Unread)

	hurried := DefaultLimits()
	hurried.Time = time.Nanosecond
	got = f.verify(f.verifier([]Signer{signer}, WithLimits(hurried)), good)
	require.Empty(t, got.Signatures)
	require.True(t, got.Rejected[0].Unread)
	require.Contains(t, got.Rejected[0].Reason, "not verified in time")
}

func TestReasonsArePrintable(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signer, _ := f.signer(true)
	name := "\x1b[31mred\u202e\n\xff" + strings.Repeat("é", 1000)
	got := f.verify(f.verifier([]Signer{signer}), gate.Attachment{MediaType: simpleSigningType, Payload: mustPayload(t, name)})
	require.Len(t, got.Rejected, 1)
	reason := got.Rejected[0].Reason
	require.LessOrEqual(t, len(reason), maxReasonBytes+len("…"))
	require.NotContains(t, reason, "\x1b")
	require.NotContains(t, reason, "\u202e")
	require.NotContains(t, reason, "\n")
	require.True(t, strings.HasSuffix(reason, "…"))
}

func TestMessageSignatureIsNoImageSignature(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signer, _ := f.signer(false)
	payload := fmt.Sprintf(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"a"}},
		"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":%q},"signature":"AAAA"}}`, base64.StdEncoding.EncodeToString(make([]byte, 32)))
	got := f.verify(f.verifier([]Signer{signer}), gate.Attachment{MediaType: bundlePrefix + ".v0.3+json", Payload: []byte(payload)})
	requireRejected(t, got, "not as a blob")
}
