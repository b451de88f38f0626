package signature

import (
	"context"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/stretchr/testify/require"

	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

// The two omissions that cosign forgives: without a claim verifier a signature of
// any image passes, without identities a certificate of anybody.
func TestCheckOptsOmissions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signer, _ := f.signer(true)
	v := f.verifier([]Signer{signer})
	by := signer.credentials[0]

	_, err := v.checkOpts(by, nil, true, false)
	require.Error(t, err)
	for _, nobody := range []credential{{}, {key: keySigner(t, "both", f.key).credentials[0].key, identity: by.identity}} {
		_, err = v.checkOpts(nobody, cosign.SimpleClaimVerifier, true, false)
		require.Error(t, err)
	}
	co, err := v.checkOpts(by, cosign.SimpleClaimVerifier, true, false)
	require.NoError(t, err)
	require.Len(t, co.Identities, 1)
	require.NotNil(t, co.ClaimVerifier)
	require.NotNil(t, co.TrustedMaterial)
	require.True(t, co.Offline)
	require.Nil(t, co.RekorClient)
	require.False(t, co.IgnoreTlog)
	require.False(t, co.IgnoreSCT)
}

// What the package checks itself before cosign sees it, cosign's options check
// too: a candidate made past open still does not pass for another image.
func TestClaimIsBoundTwice(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, keyless := range []bool{false, true} {
		signer, by := f.signer(keyless)
		v := f.verifier([]Signer{signer})
		wrong, err := v1.NewHash(other)
		require.NoError(t, err)
		right, err := v1.NewHash(subject)
		require.NoError(t, err)

		for _, form := range []sigstoretest.Form{sigstoretest.Classic, sigstoretest.Bundle} {
			c, err := open(f.sign(subject, by, form), right, DefaultLimits())
			require.NoError(t, err)
			_, err = c.verify(context.Background(), v, signer.credentials[0], true)
			require.NoError(t, err)
			switch c := c.(type) {
			case *classic:
				c.digest = wrong
			case *bundled:
				c.digest = wrong
			}
			_, err = c.verify(context.Background(), v, signer.credentials[0], true)
			require.Error(t, err)
		}
	}
}
