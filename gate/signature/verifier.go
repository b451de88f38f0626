package signature

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sigstore/sigstore-go/pkg/root"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

// Verifier checks attachments against signers and trust that were fixed when it
// was built. It is safe for concurrent use.
type Verifier struct {
	signers []Signer

	root              *root.TrustedRoot
	rootHash          string
	log               logUse
	timestampRequired bool
	ignoreSCT         bool
	limits            Limits
}

var _ gate.Verifier = (*Verifier)(nil)

// New makes a verifier of at least one signer; their names are distinct, so that
// a threshold counts each once. The error is a *[ConfigError].
func New(signers []Signer, options ...Option) (*Verifier, error) {
	v := &Verifier{signers: append([]Signer(nil), signers...), limits: DefaultLimits()}
	if err := checkSigners(v.signers); err != nil {
		return nil, err
	}
	for _, option := range options {
		if err := option(v); err != nil {
			return nil, err
		}
	}
	if v.root == nil {
		return v, v.trust(publicGood)
	}
	return v, nil
}

func checkSigners(signers []Signer) error {
	if len(signers) == 0 {
		return &ConfigError{Subject: "signers", Reason: "there is none", Hint: "name a key or an identity whose signature counts"}
	}
	seen := map[string]bool{}
	for _, s := range signers {
		if len(s.credentials) == 0 {
			return &ConfigError{Subject: fmt.Sprintf("signer %q", s.name), Reason: "neither key nor identity", Hint: "make signers with Key or Keyless"}
		}
		if seen[s.name] {
			return s.refuse("two signers have this name", "give each signer a name of its own", nil)
		}
		seen[s.name] = true
	}
	return nil
}

// Verify implements [gate.Verifier]. Each attachment is verified by itself
// against each signer; one that satisfies several is reported for each of them,
// one that satisfies none is rejected with the reasons. A digest other than
// SHA-256 is satisfied by nothing.
func (v *Verifier) Verify(ctx context.Context, digest string, attachments []gate.Attachment) gate.Verified {
	ctx, cancel := context.WithTimeout(ctx, v.limits.Time)
	defer cancel()
	var out verdicts
	hash, err := subjectHash(digest)
	tried := 0
	for i, a := range attachments {
		if err != nil {
			out.reject(a, digest, err)
			continue
		}
		if stop := v.exhausted(ctx, tried); stop != nil {
			out.rejectRest(attachments[i:], digest, stop)
			break
		}
		c, malformed := contain(ctx, func() (candidate, error) { return open(a, hash, v.limits) })
		if malformed != nil {
			out.reject(a, digest, malformed)
			continue
		}
		tried++
		v.verify(ctx, a, digest, c, &out)
	}
	return out.verified()
}

func subjectHash(digest string) (v1.Hash, error) {
	hash, err := v1.NewHash(digest)
	if err != nil {
		return hash, fmt.Errorf("reading the image's digest: %w", err)
	}
	if hash.Algorithm != "sha256" {
		return hash, fmt.Errorf("the image's digest is %s, and signatures name SHA-256 digests", hash.Algorithm)
	}
	return hash, nil
}

// exhausted says which limit on the whole is reached.
func (v *Verifier) exhausted(ctx context.Context, tried int) error {
	if tried >= v.limits.Attachments {
		return overLimit("number of attachments", v.limits.Attachments)
	}
	if ctx.Err() != nil {
		return outOfTime(ctx)
	}
	return nil
}

// verify asks each signer about one candidate.
func (v *Verifier) verify(ctx context.Context, a gate.Attachment, digest string, c candidate, out *verdicts) {
	var refusals refusals
	for _, signer := range v.signers {
		p, err := v.bySigner(ctx, c, signer)
		if err != nil {
			refusals = append(refusals, refusal{signer.name, err})
			continue
		}
		out.accept(a, digest, signer, p)
	}
	if len(refusals) == len(v.signers) {
		out.reject(a, digest, refusals)
	}
}

// bySigner tries the signer's credentials in turn.
func (v *Verifier) bySigner(ctx context.Context, c candidate, signer Signer) (proof, error) {
	var reasons reasons
	for _, by := range signer.credentials {
		for _, useLog := range v.log.attempts(c.logged()) {
			p, err := contain(ctx, func() (proof, error) {
				if by.key != nil && !c.madeWith(by.key) {
					return proof{}, errOtherKey
				}
				return c.verify(ctx, v, by, useLog)
			})
			if err == nil {
				return p, nil
			}
			reasons = append(reasons, err)
		}
	}
	return proof{}, reasons
}

// accept reports what an attachment proves by one signer.
func (out *verdicts) accept(a gate.Attachment, digest string, signer Signer, p proof) {
	if p.signature {
		out.Signatures = append(out.Signatures, policy.Signature{
			Signer: signer.name, Kind: signer.kind, Layout: a.Layout, Identity: p.identity, Issuer: p.issuer,
			SubjectDigest: digest, LoggedAt: p.loggedAt, SignedAt: p.signedAt,
		})
		return
	}
	out.Attestations = append(out.Attestations, policy.Attestation{
		Signer: signer.name, Kind: signer.kind, Layout: a.Layout, Identity: p.identity, Issuer: p.issuer,
		SubjectDigest: digest, PredicateType: p.predicateType, Predicate: p.predicate, LoggedAt: p.loggedAt, SignedAt: p.signedAt,
	})
}
