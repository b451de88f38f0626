package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/filetree"
	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/inspect"
	"github.com/imagegate/imagegate/gate/signature"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/catalog"
)

// wire joins the engines to a gate: the only place that knows all of them. done
// frees what they hold.
func (f *checkFlags) wire(ctx context.Context, p *policy.Policy, documents bool) (g *gate.Gate, done func(), err error) {
	var engines gate.Engines
	options := []gate.Option{gate.WithTimeout(f.timeout)}
	if f.parallel > 0 {
		options = append(options, gate.WithParallel(f.parallel))
	}
	if documents {
		options = append(options, gate.WithDocuments())
	}

	show, memory := &display{}, f.images.memory.open(f.shared)
	if !f.manyImages {
		show = f.newDisplay()
	}
	options = append(options, memory.ofGate(), gate.WithProgress(show.step))
	if engines.Images, err = newImages(f.images, show, memory); err != nil {
		return nil, nil, err
	}
	verifier, err := newVerifier(p.Signatures)
	if err != nil {
		return nil, nil, err
	}
	if verifier != nil {
		engines.Verifier = verifier
		options = append(options, gate.WithTrustRoot(verifier.TrustRootHash()))
	}
	engines.Inspector = inspect.New()
	engines.Cataloger = newCataloger(documents)
	matcher := newMatcher(ctx, f.shared, f.database, p.Vulnerabilities.Database)
	engines.Matcher = matcher

	if g, err = gate.New(p, engines, options...); err != nil {
		return nil, nil, err
	}
	return g, func() { f.closeDisplay(show); matcher.close(); memory.close() }, nil
}

// newCataloger reads the texts of licences only if somebody gets to see the documents.
func newCataloger(documents bool) *catalog.Cataloger {
	if documents {
		return catalog.New()
	}
	return catalog.New(catalog.WithoutLicenseTexts())
}

// newImages reads images with what their consumers will ask for kept.
func newImages(f imageFlags, show *display, memory memory, more ...image.Option) (*image.Images, error) {
	if f.transport != nil {
		more = append(more, image.WithTransport(f.transport))
	}
	if memory.disk != nil {
		// What layers yield is large, so it is remembered on disk or not at all.
		more = append(more, image.WithLayers(rules()))
	}
	return image.New(append(more,
		image.WithUserAgent("imagegate/"+toolVersion()),
		image.WithInsecureRegistries(f.insecureRegistries...),
		image.WithRules(filetree.Rules{Keep: keep, Condense: condense}),
		image.WithFileLimits(f.content.limits()),
		memory.ofImages(),
		image.WithProgress(show.pulled),
	)...)
}

// rules names the program, whose rules say what is kept of a layer.
func rules() string {
	sum := sha256.Sum256([]byte(engines()))
	return hex.EncodeToString(sum[:8])
}

// keep says which content of a layer some step will ask for.
func keep(path string, head []byte, size int64) bool {
	return inspect.Wants(path, head, size) || catalog.Wants(path, head, size)
}

// condense says which parts of what is kept some step will ask for.
func condense(path string, content []byte) ([]sbom.Range, bool) {
	if inspect.Marked(path, content) {
		return nil, false
	}
	return catalog.Condense(path, content)
}

// newVerifier makes the policy's signers into a verifier; nil where it names none,
// and then the policy says what to add.
func newVerifier(rules policy.SignatureRules) (*signature.Verifier, error) {
	if len(rules.Signers) == 0 {
		return nil, nil
	}
	var signers []signature.Signer
	for _, s := range rules.Signers {
		signer, err := newSigner(s)
		if err != nil {
			return nil, &usageError{err: err, hint: remedy(err)}
		}
		signers = append(signers, signer)
	}
	var options []signature.Option
	if rules.TrustRoot != nil {
		options = append(options, signature.WithTrustedRoot([]byte(rules.TrustRoot.Data)))
	}
	if rules.TransparencyLog == policy.LogOptional {
		options = append(options, signature.WithInsecureOptionalLog())
	}
	if rules.Timestamp == policy.TimestampRequired {
		options = append(options, signature.WithTimestampRequired())
	}
	verifier, err := signature.New(signers, options...)
	if err != nil {
		return nil, &usageError{err: err, hint: remedy(err)}
	}
	return verifier, nil
}

func newSigner(s policy.Signer) (signature.Signer, error) {
	if s.Key != nil {
		return signature.Key(s.Name, []byte(s.Key.Data))
	}
	return signature.Keyless(s.Name, signature.Identity{
		Issuer: s.Keyless.Issuer, IssuerRegExp: s.Keyless.IssuerRegExp,
		Subject: s.Keyless.Subject, SubjectRegExp: s.Keyless.SubjectRegExp,
	})
}
