package signature

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

// both runs a test for each form and each kind of signer.
func both(t *testing.T, test func(t *testing.T, f *fixture, form sigstoretest.Form, keyless bool)) {
	for _, form := range []sigstoretest.Form{sigstoretest.Classic, sigstoretest.Bundle} {
		for _, keyless := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/keyless=%v", form, keyless), func(t *testing.T) {
				t.Parallel()
				test(t, newFixture(t), form, keyless)
			})
		}
	}
}

func TestSignature(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture, form sigstoretest.Form, keyless bool) {
		signer, by := f.signer(keyless)
		at := time.Now().Add(-90 * time.Minute).Truncate(time.Second)
		got := f.verify(f.verifier([]Signer{signer}), f.sign(subject, by, form, sigstoretest.At(at)))
		require.Empty(t, got.Rejected)
		require.Empty(t, got.Attestations)
		require.Len(t, got.Signatures, 1)
		s := got.Signatures[0]
		require.Equal(t, signer.Name(), s.Signer)
		require.Equal(t, subject, s.SubjectDigest)
		require.Nil(t, s.SignedAt)
		require.NotNil(t, s.LoggedAt)
		require.True(t, s.LoggedAt.Equal(at), "%s is not %s", s.LoggedAt, at)
		if keyless {
			require.Equal(t, []string{"keyless", email, issuer}, []string{s.Kind, s.Identity, s.Issuer})
		} else {
			require.Equal(t, []string{"key", "", ""}, []string{s.Kind, s.Identity, s.Issuer})
		}
		require.Equal(t, map[sigstoretest.Form]string{sigstoretest.Classic: "tag", sigstoretest.Bundle: "referrer"}[form], s.Layout)
	})
}

func TestAttestation(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f *fixture, form sigstoretest.Form, keyless bool) {
		signer, by := f.signer(keyless)
		got := f.verify(f.verifier([]Signer{signer}), f.attest(subject, by, form, sbomType, map[string]string{"name": "app"}))
		require.Empty(t, got.Rejected)
		require.Empty(t, got.Signatures, "an SBOM is no signature, whoever signed it")
		require.Len(t, got.Attestations, 1)
		a := got.Attestations[0]
		require.Equal(t, sbomType, a.PredicateType)
		require.JSONEq(t, `{"name":"app"}`, string(a.Predicate))
		require.Equal(t, subject, a.SubjectDigest)
		require.NotNil(t, a.LoggedAt)
	})
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		key, keyless bool
		sign         []sigstoretest.Option
		options      []Option
		logged       bool
		stamped      bool
	}{
		"log optional, no entry":         {key: true, sign: []sigstoretest.Option{sigstoretest.WithoutLog()}, options: []Option{WithInsecureOptionalLog()}},
		"log ignored, no entry":          {key: true, sign: []sigstoretest.Option{sigstoretest.WithoutLog()}, options: []Option{WithInsecureIgnoreLog()}},
		"log optional, with entry":       {key: true, keyless: true, options: []Option{WithInsecureOptionalLog()}, logged: true},
		"log optional, only a timestamp": {keyless: true, sign: []sigstoretest.Option{sigstoretest.WithoutLog(), sigstoretest.WithTimestamp()}, options: []Option{WithInsecureOptionalLog()}, stamped: true},
		"log ignored, only a timestamp":  {keyless: true, sign: []sigstoretest.Option{sigstoretest.WithTimestamp()}, options: []Option{WithInsecureIgnoreLog()}, stamped: true},
		"log optional, not yet expired":  {keyless: true, sign: []sigstoretest.Option{sigstoretest.WithoutLog(), sigstoretest.At(time.Now())}, options: []Option{WithInsecureOptionalLog()}},
		"timestamp required":             {key: true, keyless: true, sign: []sigstoretest.Option{sigstoretest.WithTimestamp()}, options: []Option{WithTimestampRequired()}, logged: true, stamped: true},
		"timestamp beside the entry":     {keyless: true, sign: []sigstoretest.Option{sigstoretest.WithTimestamp()}, logged: true, stamped: true},
		"no SCT, and none asked for":     {keyless: true, sign: []sigstoretest.Option{sigstoretest.WithoutSCT()}, options: []Option{WithInsecureIgnoreSCT()}, logged: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, f *fixture, form sigstoretest.Form, keyless bool) {
				if keyless && !c.keyless || !keyless && !c.key {
					return
				}
				signer, by := f.signer(keyless)
				got := f.verify(f.verifier([]Signer{signer}, c.options...), f.sign(subject, by, form, c.sign...), f.attest(subject, by, form, otherType, nil, c.sign...))
				require.Empty(t, got.Rejected)
				require.Len(t, got.Signatures, 1)
				require.Len(t, got.Attestations, 1)
				if form == sigstoretest.Bundle && keyless && c.stamped && c.logged {
					require.NotNil(t, got.Signatures[0].LoggedAt)
				}
				require.Equal(t, c.logged, got.Signatures[0].LoggedAt != nil)
				require.Equal(t, c.stamped, got.Signatures[0].SignedAt != nil)
				require.Equal(t, c.logged, got.Attestations[0].LoggedAt != nil)
			})
		})
	}
}

// A root that knows no timestamp authority cannot judge a timestamp: the log entry
// dates the certificate alone.
func TestTimestampThatNobodyCanJudge(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var trusted map[string]any
	require.NoError(t, json.Unmarshal(f.TrustedRoot(), &trusted))
	delete(trusted, "timestampAuthorities")
	without, err := json.Marshal(trusted)
	require.NoError(t, err)
	signer, by := f.signer(true)
	attachments := []gate.Attachment{
		f.sign(subject, by, sigstoretest.Classic, sigstoretest.WithTimestamp()),
		f.sign(subject, by, sigstoretest.Bundle, sigstoretest.WithTimestamp()),
	}
	got := f.verify(f.verifier([]Signer{signer}, WithTrustedRoot(without)), attachments...)
	require.Len(t, got.Signatures, 2)
	require.Nil(t, got.Signatures[0].SignedAt)
	got = f.verify(f.verifier([]Signer{signer}, WithTrustedRoot(without), WithTimestampRequired()), attachments...)
	require.Empty(t, got.Signatures)
	require.Len(t, got.Rejected, 2)
}

func TestRekorV2(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, keyless := range []bool{false, true} {
		signer, by := f.signer(keyless)
		got := f.verify(f.verifier([]Signer{signer}), f.sign(subject, by, sigstoretest.Bundle, sigstoretest.WithRekorV2(), sigstoretest.WithTimestamp()))
		require.Empty(t, got.Rejected)
		require.Len(t, got.Signatures, 1)
		require.Nil(t, got.Signatures[0].LoggedAt, "its entries have no time")
	}
	signer, by := f.signer(true)
	got := f.verify(f.verifier([]Signer{signer}), f.sign(subject, by, sigstoretest.Bundle, sigstoretest.WithRekorV2()))
	requireRejected(t, got, "threshold not met for verified log entry integrated timestamps")
}

func TestPredicateConfusion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signer, by := f.signer(false)
	v := f.verifier([]Signer{signer})

	t.Run("an SBOM labelled as a signature", func(t *testing.T) {
		a := f.attest(subject, by, sigstoretest.Bundle, sbomType, nil)
		a.Annotations = map[string]string{"dev.sigstore.bundle.predicateType": SignPredicate}
		got := f.verify(v, a)
		require.Empty(t, got.Signatures)
		require.Len(t, got.Attestations, 1)
	})
	t.Run("the signature's predicate in a classic attestation", func(t *testing.T) {
		got := f.verify(v, f.attest(subject, by, sigstoretest.Classic, SignPredicate, nil))
		require.Empty(t, got.Signatures)
		require.Len(t, got.Attestations, 1)
	})
	t.Run("an envelope labelled as simple signing", func(t *testing.T) {
		a := f.attest(subject, by, sigstoretest.Classic, sbomType, nil)
		a.MediaType = simpleSigningType
		requireRejected(t, f.verify(v, a), "no image signature")
	})
}

func TestSeveral(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key, byKey := f.signer(false)
	ci, byCI := f.signer(true)

	t.Run("one attachment by two signers", func(t *testing.T) {
		again := keySigner(t, "also release", newKey(t), f.key)
		got := f.verify(f.verifier([]Signer{key, ci, again}), f.sign(subject, byKey, sigstoretest.Bundle))
		require.Empty(t, got.Rejected)
		require.Len(t, got.Signatures, 2)
		require.Equal(t, "release", got.Signatures[0].Signer)
		require.Equal(t, "also release", got.Signatures[1].Signer)
	})
	t.Run("each signer's own", func(t *testing.T) {
		got := f.verify(f.verifier([]Signer{key, ci}),
			f.sign(subject, byCI, sigstoretest.Classic), f.sign(subject, byKey, sigstoretest.Bundle))
		require.Empty(t, got.Rejected)
		require.Equal(t, "ci", got.Signatures[0].Signer)
		require.Equal(t, "release", got.Signatures[1].Signer)
	})
	t.Run("a good one among garbage", func(t *testing.T) {
		garbage := gate.Attachment{MediaType: bundlePrefix + ".v0.3+json", Payload: []byte(`{"mediaType":`)}
		got := f.verify(f.verifier([]Signer{key}),
			garbage, f.sign(subject, newKey(t), sigstoretest.Classic), f.sign(subject, byKey, sigstoretest.Classic), garbage)
		require.Len(t, got.Signatures, 1)
		require.Len(t, got.Rejected, 3)
	})
	t.Run("not fetched", func(t *testing.T) {
		got := f.verify(f.verifier([]Signer{key}), gate.Attachment{Err: errors.New("registry answered 503"), Source: "here"})
		require.Len(t, got.Rejected, 1)
		require.True(t, got.Rejected[0].Unread)
		require.Contains(t, got.Rejected[0].Reason, "registry answered 503")
		require.Equal(t, "here", got.Rejected[0].Source)
	})
	t.Run("every refusal is named", func(t *testing.T) {
		got := f.verify(f.verifier([]Signer{key, ci}), f.sign(subject, newKey(t), sigstoretest.Classic))
		require.Len(t, got.Rejected, 1)
		require.Contains(t, got.Rejected[0].Reason, `not by signer "release"`)
		require.Contains(t, got.Rejected[0].Reason, `not by signer "ci"`)
	})
}

func TestWorkflowIdentity(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	by := sigstoretest.Identity{Subject: workflow, Issuer: issuer}
	attachments := []gate.Attachment{f.sign(subject, by, sigstoretest.Classic), f.sign(subject, by, sigstoretest.Bundle)}
	for expression, want := range map[string]int{
		`^https://git\.example\.com/acme/`:                2,
		`https://git\.example\.com/acme/`:                 0, // does not match to the end
		`https://git\.example\.com/acme/.*`:               2,
		`git\.example\.com/acme/.*`:                       0, // does not match from the start
		`^https://evil\.example\.com|git\.example\.com.*`: 0, // nor does an alternative
	} {
		v := f.verifier([]Signer{keylessSigner(t, "ci", Identity{IssuerRegExp: `https://issuer\.example\.(com|org)`, SubjectRegExp: expression})})
		got := f.verify(v, attachments...)
		require.Len(t, got.Signatures, want, expression)
		for _, s := range got.Signatures {
			require.Equal(t, workflow, s.Identity)
		}
	}
}

func TestKeyTypes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, key := range keyTypes(t) {
		for _, form := range []sigstoretest.Form{sigstoretest.Classic, sigstoretest.Bundle} {
			var options []sigstoretest.Option
			if name == "Ed25519" && form == sigstoretest.Classic {
				options = append(options, sigstoretest.WithoutLog()) // Rekor v1 has no such hashedrekord entries
			}
			v := f.verifier([]Signer{keySigner(t, name, key)}, WithInsecureOptionalLog())
			got := f.verify(v, f.sign(subject, key, form, options...), f.attest(subject, key, form, sbomType, nil, options...))
			require.Empty(t, got.Rejected, name)
			require.Len(t, got.Signatures, 1, name)
			require.Len(t, got.Attestations, 1, name)
		}
	}
}

func TestDigestThatNobodySigns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signer, by := f.signer(false)
	v := f.verifier([]Signer{signer})
	for _, digest := range []string{"", "latest", "sha256:abc", "sha512:" + strings.Repeat("a", 128)} {
		got := v.Verify(context.Background(), digest, []gate.Attachment{f.sign(subject, by, sigstoretest.Classic)})
		require.Empty(t, got.Signatures)
		require.Len(t, got.Rejected, 1)
		require.Contains(t, got.Rejected[0].Reason, "the image's digest")
	}
}
