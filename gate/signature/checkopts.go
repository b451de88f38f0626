package signature

import (
	"errors"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/oci"
)

// claimVerifier binds a payload to a digest.
type claimVerifier func(sig oci.Signature, digest v1.Hash, annotations map[string]any) error

// checkOpts is the only maker of cosign's options. Their zero values are
// dangerous: without a ClaimVerifier a signature of any image passes, without
// identities a certificate of anybody. So claim and signer are arguments, a
// credential has exactly one key or one identity, and neither is an error.
func (v *Verifier) checkOpts(by credential, claim claimVerifier, useLog, useTimestamps bool) (*cosign.CheckOpts, error) {
	if claim == nil {
		return nil, errors.New("nothing binds the payload to the image")
	}
	co := &cosign.CheckOpts{
		ClaimVerifier:       claim,
		TrustedMaterial:     v.root,
		Offline:             true,
		IgnoreTlog:          !useLog,
		UseSignedTimestamps: useTimestamps,
	}
	switch {
	case by.key != nil && by.identity == nil:
		co.SigVerifier = by.key
		co.IgnoreSCT = true // a key has no certificate that could be logged
	case by.identity != nil && by.key == nil:
		co.Identities = []cosign.Identity{by.identity.cosign()}
		co.IgnoreSCT = v.ignoreSCT
	default:
		return nil, errors.New("no signer to verify against")
	}
	return co, nil
}

// usesTimestamps says whether timestamps are looked at. A key needs no time, so
// only where they are required; a certificate needs one, and an entry of Rekor v2
// has none. One that is carried must then be good, unless the trusted root knows
// no authority that could have made it.
func (v *Verifier) usesTimestamps(by credential, carried bool) bool {
	if v.timestampRequired {
		return true
	}
	return by.identity != nil && carried && len(v.root.TimestampingAuthorities()) > 0
}
