package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

// compareSignatures puts signatures of every kind beside images in three
// registries, and asks imagegate and both versions of cosign whether the images
// are signed.
func compareSignatures(ctx context.Context, l *lab) error {
	if !l.asksFor(signatureCases()) {
		return nil
	}
	keys, err := l.newKeyring(ctx)
	if err != nil {
		return fmt.Errorf("making keys: %w", err)
	}
	for _, start := range []func() (*site, error){
		func() (*site, error) { return startRegistry(true) },
		func() (*site, error) { return startRegistry(false) },
		func() (*site, error) { return l.startDistribution(ctx) },
	} {
		registry, err := start()
		if reason := why(err); reason != "" {
			l.table.add(row{section: "signatures", name: "docker-registry", what: "all cases", peer: "cosign", notRun: reason})
			continue
		}
		if err != nil {
			return err
		}
		for i, c := range signatureCases() {
			if l.runs("signatures", c.name+" "+registry.name) {
				l.signatureCase(ctx, c, &bench{lab: l, keyring: keys, site: registry, repository: fmt.Sprintf("%s/signed/case-%d", registry.host, i)})
			}
		}
		registry.stop()
	}
	return nil
}

// asksFor says whether any of the cases is to run.
func (l *lab) asksFor(cases []signatureCase) bool {
	for _, c := range cases {
		for _, kind := range []string{"referrers", "no-referrers", "docker-registry"} {
			if l.runs("signatures", c.name+" "+kind) {
				return true
			}
		}
	}
	return false
}

func (l *lab) signatureCase(ctx context.Context, c signatureCase, b *bench) {
	r := row{section: "signatures", name: c.name, what: b.site.name, peer: "cosign"}
	l.table.try(r, func() error {
		questions, err := c.prepare(ctx, b)
		if err != nil {
			return err
		}
		for _, q := range questions {
			if err := l.pose(ctx, q, row{section: "signatures", name: c.name, what: q.what + ", " + b.site.name}); err != nil {
				return fmt.Errorf("%s: %w", q.what, err)
			}
		}
		return nil
	})
}

// signatureCase is one thing that can be beside an image, and what is asked then.
type signatureCase struct {
	name    string
	prepare func(context.Context, *bench) ([]question, error)
}

// question is whether an image is signed by somebody.
type question struct {
	what      string
	reference string
	signer    []string // flags that imagegate and cosign have in common
	log       bool     // whether an entry of the transparency log is demanded
	stamped   bool     // whether cosign is told to look at timestamps
	root      string   // the trusted root
}

// pose asks imagegate once, and each version of cosign.
func (l *lab) pose(ctx context.Context, q question, r row) error {
	flags := append([]string{"--trusted-root", q.root}, q.signer...)
	if !q.log {
		flags = append(flags, "--insecure-ignore-tlog")
	}
	ours, err := l.judge(ctx, "signed", q.reference, flags...)
	if err != nil {
		return err
	}
	if q.stamped {
		flags = append(flags, "--use-signed-timestamps")
	}
	for _, version := range []string{"cosign-v2", "cosign-v3"} {
		theirs, err := l.ask(ctx, l.peers[version], append([]string{"verify", "--offline", q.reference}, flags...)...)
		if err != nil {
			return err
		}
		r.peer, r.ours, r.theirs, r.differences = version, ours.Results[0].Verdict, "allow", nil
		if theirs.code != 0 {
			r.theirs = "deny"
		}
		if r.ours != r.theirs {
			r.differences = []string{fmt.Sprintf("imagegate %s (%s), %s %s (%s)", r.ours, ours.because(), version, r.theirs, theirs.err)}
		}
		l.table.add(r)
	}
	return nil
}

// because is what the rule about signatures says, or else the first finding that
// says why nothing could be judged.
func (r report) because() string {
	for _, f := range r.Results[0].Findings {
		if f.Rule == "signature" && f.Outcome != "skipped" {
			return f.Message
		}
	}
	return r.Results[0].Findings[0].Message
}

// keyring has the keys and the private Sigstore that cases sign with.
type keyring struct {
	folder  string
	world   *sigstoretest.World // and one that nobody trusts
	other   *sigstoretest.World
	logged  *sigstoretest.Key // signs in the world's manner; its half is logged.pub
	config  string            // a signing config without services
	root    string
	foreign string // the trusted root of the other world
}

// newKeyring makes first, second and third as cosign makes keys.
func (l *lab) newKeyring(ctx context.Context) (*keyring, error) {
	k := &keyring{folder: filepath.Join(l.work, "keys")}
	if err := os.MkdirAll(k.folder, 0o700); err != nil {
		return nil, err
	}
	for _, name := range []string{"first", "second", "third"} {
		if _, err := l.must(ctx, l.peers["cosign-v2"], "generate-key-pair", "--output-key-prefix", filepath.Join(k.folder, name)); err != nil {
			return nil, err
		}
	}
	k.config = filepath.Join(k.folder, "signing-config.json")
	if _, err := l.must(ctx, l.peers["cosign-v3"], "signing-config", "create", "--out", k.config); err != nil {
		return nil, err
	}
	var err error
	if k.world, err = sigstoretest.New(); err != nil {
		return nil, err
	}
	if k.other, err = sigstoretest.New(); err != nil {
		return nil, err
	}
	if k.logged, err = sigstoretest.NewKey(); err != nil {
		return nil, err
	}
	k.root, k.foreign = filepath.Join(k.folder, "trusted_root.json"), filepath.Join(k.folder, "foreign_root.json")
	for path, content := range map[string][]byte{
		k.root: k.world.TrustedRoot(), k.foreign: k.other.TrustedRoot(),
		filepath.Join(k.folder, "logged.pub"): k.logged.PublicPEM(),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// by are the flags that name a key as the signer.
func (k *keyring) by(name string) []string {
	return []string{"--key", filepath.Join(k.folder, name+".pub")}
}

// maker is a version of cosign and the layout in which it signs.
type maker struct {
	version string // "cosign-v2"
	bundle  bool
}

var makers = []maker{{"cosign-v2", false}, {"cosign-v2", true}, {"cosign-v3", false}, {"cosign-v3", true}}

func (m maker) String() string {
	layout := "legacy"
	if m.bundle {
		layout = "bundle"
	}
	return strings.Replace(m.version, "-", " ", 1) + " " + layout
}

// flags sign with a key and without any service.
func (m maker) flags(k *keyring, key string) []string {
	flags := []string{"--yes", "--key", filepath.Join(k.folder, key+".key")}
	switch {
	case m.version == "cosign-v2" && m.bundle:
		return append(flags, "--tlog-upload=false", "--new-bundle-format")
	case m.version == "cosign-v2":
		return append(flags, "--tlog-upload=false")
	case m.bundle:
		return append(flags, "--signing-config", k.config, "--trusted-root", k.root)
	default:
		return append(flags, "--tlog-upload=false", "--use-signing-config=false", "--new-bundle-format=false")
	}
}
