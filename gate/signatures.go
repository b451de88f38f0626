package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imagegate/imagegate/policy"
)

// maxSignatureLookups is how many manifests are asked for attachments at once.
const maxSignatureLookups = 4

// verifySignatures looks beside the subject and beside each of its platform
// images, since either may be what was signed.
//
// What verified once is not looked up again as long as it is enough: that bytes
// verify with a key and a trusted root is as permanent as the bytes. That there is
// no signature is not, so its absence is never remembered.
func (c *check) verifySignatures(ctx context.Context, subject Subject) {
	if !c.needs.Signatures || c.evidence.Steps[policy.StepResolve].State != policy.Done {
		return
	}
	if c.recallSignatures(ctx) {
		return
	}
	c.lookUpSignatures(ctx, subject)
	if c.signed() {
		c.rememberSignatures(ctx)
	}
}

// lookUpSignatures replaces what is known of signatures by what lies in the
// registry now.
func (c *check) lookUpSignatures(ctx context.Context, subject Subject) {
	c.forgetSignatures()
	c.evidence.Steps[policy.StepSignatures] = c.step(policy.StepSignatures, func() error {
		digests := c.signable()
		verified := make([]Verified, len(digests))
		errs := make([]error, len(digests))
		var group errgroup.Group
		group.SetLimit(maxSignatureLookups)
		for i, digest := range digests {
			group.Go(func() error {
				verified[i], errs[i] = c.verifyDigest(ctx, subject, digest)
				return nil
			})
		}
		_ = group.Wait() // each digest keeps its own error
		for _, v := range verified {
			c.addVerified(v)
		}
		return errors.Join(errs...)
	})
}

// signable are the digests that may be what was signed.
func (c *check) signable() []string {
	digests := []string{c.evidence.Digest}
	for _, p := range c.evidence.Platforms {
		if !slices.Contains(digests, p.Digest) {
			digests = append(digests, p.Digest)
		}
	}
	return digests
}

func (c *check) addVerified(v Verified) {
	c.evidence.Signatures = append(c.evidence.Signatures, v.Signatures...)
	c.evidence.Attestations = append(c.evidence.Attestations, v.Attestations...)
	c.evidence.Rejected = append(c.evidence.Rejected, v.Rejected...)
}

func (c *check) forgetSignatures() {
	c.evidence.Signatures, c.evidence.Attestations, c.evidence.Rejected = nil, nil, nil
	delete(c.evidence.Steps, policy.StepSignatures)
}

// verifyDigest verifies what was found even if not everything could be looked at:
// an unreadable attachment must not mask a valid one.
func (c *check) verifyDigest(ctx context.Context, subject Subject, digest string) (verified Verified, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("verifying signatures of %s: internal error: %v", digest, r)
		}
	}()
	attachments, err := subject.Attachments(ctx, digest)
	verified = c.gate.engines.Verifier.Verify(ctx, digest, attachments)
	if err != nil {
		return verified, fmt.Errorf("looking for signatures of %s: %w", digest, err)
	}
	return verified, nil
}

// signatureAge is how long remembered signatures stand in for the registry's. The
// bound is for people, who expect that removing a signature has an effect.
const signatureAge = 24 * time.Hour

// signatureKey says, besides a digest, on what depends which signatures verify: who
// counts as a signer, and where was looked. A Verifier whose results may be
// remembered has a method Identity; without that, and for images that are in no
// registry, nothing is remembered.
func (c *check) signatureKey() (key []string, ok bool) {
	v, ok := c.gate.engines.Verifier.(interface{ Identity() string })
	if !ok || c.gate.memory == nil || c.evidence.Reference.Repository == "" {
		return nil, false
	}
	by := v.Identity()
	return []string{by, c.evidence.Reference.Registry + "/" + c.evidence.Reference.Repository}, by != ""
}

// recallSignatures takes remembered signatures for the evidence, if the policy
// needs no others.
func (c *check) recallSignatures(ctx context.Context) bool {
	key, ok := c.signatureKey()
	if !ok {
		return false
	}
	word, known := cacheMiss, false
	status := c.step(policy.StepSignatures, func() error {
		for _, digest := range c.signable() {
			var v Verified
			age, ok := c.gate.memory.read(ctx, &v, factSignatures, digest, key...)
			switch {
			case ok && age > signatureAge:
				word = cacheStale
			case ok:
				c.addVerified(v)
				known = true
			}
		}
		return nil
	})
	c.evidence.Steps[policy.StepSignatures] = status
	if known && c.signed() {
		word = cacheHit
	}
	c.cache.note("signatures", word)
	return word == cacheHit
}

// rememberSignatures keeps what verified, each digest's by itself. What could not
// be read is no fact.
func (c *check) rememberSignatures(ctx context.Context) {
	key, ok := c.signatureKey()
	if !ok {
		return
	}
	for _, digest := range c.signable() {
		v := Verified{}
		for _, s := range c.evidence.Signatures {
			if s.SubjectDigest == digest {
				v.Signatures = append(v.Signatures, s)
			}
		}
		for _, a := range c.evidence.Attestations {
			if a.SubjectDigest == digest {
				v.Attestations = append(v.Attestations, a)
			}
		}
		for _, r := range c.evidence.Rejected {
			if r.SubjectDigest == digest && !r.Unread {
				v.Rejected = append(v.Rejected, r)
			}
		}
		if len(v.Signatures)+len(v.Attestations) > 0 {
			c.gate.memory.write(ctx, v, factSignatures, digest, key...)
		}
	}
}

// signed says whether the signatures so far are all that the policy wants.
func (c *check) signed() bool {
	return c.policy.SignaturesSuffice(c.evidence, c.stage, c.gate.now())
}
