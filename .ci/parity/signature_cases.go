package main

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"

	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

// signatureCases are all of them: those of the real commands in each of their
// layouts, and those of the private Sigstore.
func signatureCases() []signatureCase {
	cases := []signatureCase{{"unsigned", unsigned}, {"no such image", noImage}}
	for _, m := range makers {
		cases = append(cases,
			signatureCase{m.String() + ", one key", m.oneKey},
			signatureCase{m.String() + ", several keys", m.severalKeys},
			signatureCase{m.String() + ", copied from another image", m.copied},
			signatureCase{m.String() + ", tampered", m.tampered},
			signatureCase{m.String() + ", recursive", m.recursive},
			signatureCase{m.String() + ", index alone", m.indexAlone},
			signatureCase{m.String() + ", platforms alone", m.platformsAlone},
			signatureCase{m.String() + ", SBOM attestation alone", m.attestationAlone},
			signatureCase{m.String() + ", beside another's SBOM attestation", m.besideAttestation},
		)
	}
	return append(cases, worldCases()...)
}

func (k *keyring) question(what string, ref name.Reference, signer []string) question {
	return question{what: what, reference: ref.String(), signer: signer, root: k.root}
}

// logged demands an entry of the transparency log.
func (q question) logged() question {
	q.log = true
	return q
}

func unsigned(ctx context.Context, b *bench) ([]question, error) {
	ref, err := b.image(ctx)
	return []question{
		b.question("a key", ref, b.by("first")),
		b.question("an identity", ref, somebody.flags()).logged(),
	}, err
}

func noImage(_ context.Context, b *bench) ([]question, error) {
	tag, err := name.NewTag(b.repository + ":missing")
	return []question{b.question("a key", tag, b.by("first"))}, err
}

func (m maker) oneKey(ctx context.Context, b *bench) ([]question, error) {
	ref, err := b.image(ctx)
	if err != nil {
		return nil, err
	}
	return []question{
		b.question("the key", ref, b.by("first")),
		b.question("wrong key", ref, b.by("second")),
		b.question("log entry demanded", ref, b.by("first")).logged(),
		b.question("an identity", ref, somebody.flags()),
	}, b.sign(ctx, m, "first", ref)
}

func (m maker) severalKeys(ctx context.Context, b *bench) ([]question, error) {
	ref, err := b.image(ctx)
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"first", "second"} {
		if err := b.sign(ctx, m, key, ref); err != nil {
			return nil, err
		}
	}
	return []question{
		b.question("first key", ref, b.by("first")),
		b.question("second key", ref, b.by("second")),
		b.question("wrong key", ref, b.by("third")),
	}, nil
}

// copied puts an image's signature beside another image.
func (m maker) copied(ctx context.Context, b *bench) ([]question, error) {
	from, err := b.image(ctx)
	if err != nil {
		return nil, err
	}
	to, err := b.image(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.sign(ctx, m, "first", from); err != nil {
		return nil, err
	}
	return []question{b.question("the key", to, b.by("first"))}, b.transplant(ctx, m, from, to, unchanged)
}

// tampered changes a signature on its way from one repository to another that has
// the same image. Unchanged it would count there, which is asked too.
func (m maker) tampered(ctx context.Context, b *bench) ([]question, error) {
	var questions []question
	for _, way := range []struct {
		what   string
		change func([]byte) ([]byte, error)
	}{{"moved as it was", unchanged}, {"changed on the way", spoiled}} {
		image, err := b.newImage("amd64")
		if err != nil {
			return nil, err
		}
		from, err := b.pushTo(ctx, b.repository+"/source", image)
		if err != nil {
			return nil, err
		}
		to, err := b.push(ctx, image)
		if err != nil {
			return nil, err
		}
		if err := b.sign(ctx, m, "first", from); err != nil {
			return nil, err
		}
		if err := b.transplant(ctx, m, from, to, way.change); err != nil {
			return nil, err
		}
		questions = append(questions, b.question(way.what, to, b.by("first")))
	}
	return questions, nil
}

func (m maker) recursive(ctx context.Context, b *bench) ([]question, error) {
	index, images, err := b.index(ctx)
	if err != nil {
		return nil, err
	}
	return []question{
		b.question("the index", index, b.by("first")),
		b.question("a platform image", images[1], b.by("first")),
		b.question("the index, wrong key", index, b.by("second")),
	}, b.sign(ctx, m, "first", index, "--recursive")
}

func (m maker) indexAlone(ctx context.Context, b *bench) ([]question, error) {
	index, images, err := b.index(ctx)
	if err != nil {
		return nil, err
	}
	return []question{
		b.question("the index", index, b.by("first")),
		b.question("a platform image", images[0], b.by("first")),
	}, b.sign(ctx, m, "first", index)
}

func (m maker) platformsAlone(ctx context.Context, b *bench) ([]question, error) {
	index, images, err := b.index(ctx)
	if err != nil {
		return nil, err
	}
	for _, image := range images {
		if err := b.sign(ctx, m, "first", image); err != nil {
			return nil, err
		}
	}
	return []question{
		b.question("a platform image", images[0], b.by("first")),
		b.question("the index", index, b.by("first")),
	}, nil
}

func (m maker) attestationAlone(ctx context.Context, b *bench) ([]question, error) {
	ref, err := b.image(ctx)
	if err != nil {
		return nil, err
	}
	return []question{b.question("the key", ref, b.by("first"))}, b.attest(ctx, m, "first", ref)
}

// besideAttestation has a good signature, and a bundle with an attestation by
// somebody else, which anybody who can push may add.
func (m maker) besideAttestation(ctx context.Context, b *bench) ([]question, error) {
	ref, err := b.image(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.sign(ctx, m, "first", ref); err != nil {
		return nil, err
	}
	return []question{
		b.question("the key", ref, b.by("first")),
		b.question("the attestation's key", ref, b.by("second")),
	}, b.attest(ctx, maker{m.version, true}, "second", ref)
}

// person is an identity and the flags that name it.
type person sigstoretest.Identity

var (
	somebody = person{"https://ci.example.com/acme/app/release.yml@refs/heads/main", "https://issuer.example.com"}
	another  = person{"https://ci.example.com/other/app/release.yml@refs/heads/main", "https://issuer.example.com"}
)

func (p person) flags() []string {
	return []string{"--certificate-identity", p.Subject, "--certificate-oidc-issuer", p.Issuer}
}

// worldCase is one way to sign without a command's help.
type worldCase struct {
	name    string
	keyed   bool // with a key instead of a certificate
	bundle  bool // there is no such thing in the classic layout
	foreign bool // in an instance that is not trusted
	stamped bool
	options []sigstoretest.Option
}

func worldCases() []signatureCase {
	var cases []signatureCase
	otherLog, err := sigstoretest.NewKey()
	if err != nil {
		panic(err) // the machine has no random numbers
	}
	for _, w := range []worldCase{
		{name: "keyless"},
		{name: "keyless, timestamp", stamped: true, options: []sigstoretest.Option{sigstoretest.WithTimestamp()}},
		{name: "keyless, timestamp and no log entry", stamped: true, options: []sigstoretest.Option{sigstoretest.WithTimestamp(), sigstoretest.WithoutLog()}},
		{name: "keyless, no log entry", options: []sigstoretest.Option{sigstoretest.WithoutLog()}},
		{name: "keyless, signed after the certificate expired", options: []sigstoretest.Option{sigstoretest.AfterExpiry()}},
		{name: "keyless, stamped after the certificate expired", stamped: true, options: []sigstoretest.Option{sigstoretest.AfterExpiry(), sigstoretest.WithTimestamp()}},
		{name: "keyless, no certificate timestamp", options: []sigstoretest.Option{sigstoretest.WithoutSCT()}},
		{name: "keyless, log entry by another log", options: []sigstoretest.Option{sigstoretest.WithLogKey(otherLog)}},
		{name: "keyless, another instance", foreign: true},
		{name: "keyless, Rekor v2", bundle: true, stamped: true, options: []sigstoretest.Option{sigstoretest.WithRekorV2(), sigstoretest.WithTimestamp()}},
		{name: "keyless, Rekor v2 and no timestamp", bundle: true, options: []sigstoretest.Option{sigstoretest.WithRekorV2()}},
		{name: "key with log entry", keyed: true},
		{name: "key without log entry", keyed: true, options: []sigstoretest.Option{sigstoretest.WithoutLog()}},
		{name: "key, log entry by another log", keyed: true, options: []sigstoretest.Option{sigstoretest.WithLogKey(otherLog)}},
	} {
		for _, form := range []sigstoretest.Form{sigstoretest.Classic, sigstoretest.Bundle} {
			if w.bundle && form != sigstoretest.Bundle {
				continue
			}
			cases = append(cases, signatureCase{w.name + ", " + string(form), w.in(form)})
		}
	}
	return cases
}

func (w worldCase) in(form sigstoretest.Form) func(context.Context, *bench) ([]question, error) {
	return func(ctx context.Context, b *bench) ([]question, error) {
		ref, err := b.image(ctx)
		if err != nil {
			return nil, err
		}
		world, by := b.world, sigstoretest.Signer(sigstoretest.Identity(somebody))
		if w.foreign {
			world = b.other
		}
		if w.keyed {
			by = b.logged
		}
		return w.questions(b, ref), b.attach(ctx, world, by, form, ref, w.options...)
	}
}

func (w worldCase) questions(b *bench, ref name.Digest) []question {
	ask := func(what string, signer []string) question {
		q := b.question(what, ref, signer)
		q.stamped = w.stamped
		return q
	}
	if w.keyed {
		return []question{
			ask("the key", b.by("logged")),
			ask("log entry demanded", b.by("logged")).logged(),
			ask("wrong key, log entry demanded", b.by("first")).logged(),
		}
	}
	stranger := person{somebody.Subject, "https://elsewhere.example.com"}
	pattern := []string{"--certificate-identity-regexp", `^https://ci\.example\.com/acme/`, "--certificate-oidc-issuer", somebody.Issuer}
	questions := []question{
		ask("the identity", somebody.flags()).logged(),
		ask("an expression", pattern).logged(),
		ask("wrong identity", another.flags()).logged(),
		ask("wrong issuer", stranger.flags()).logged(),
		ask("log not demanded", somebody.flags()),
	}
	if w.foreign {
		trusted := ask("the identity, its root", somebody.flags()).logged()
		trusted.root = b.foreign
		questions = append(questions, trusted)
	}
	return questions
}
