package main

import (
	"io/fs"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
	"github.com/imagegate/imagegate/policy"
)

// mixedImage is an image of its own repository, under the tag v1, and its right
// verdict.
type mixedImage struct {
	name   string
	want   policy.Decision
	digest string
}

// mixedImages pushes images that are allowed, denied for every reason, and
// undecided. All but those about signatures are signed by the key of the world.
func mixedImages(t *testing.T, w *world) []mixedImage {
	t.Helper()
	m := mixer{t: t, world: w}
	arm := func(image v1.Image) v1.Image {
		return gatetest.WithConfig(t, image, func(c *v1.ConfigFile) { c.Variant = "v2" })
	}

	m.add("plain", policy.Allow, m.image(nil), byKey(sigstoretest.Classic))
	m.add("bundled", policy.Allow, m.image(nil), byKey(sigstoretest.Bundle))
	m.add("keyless", policy.Allow, m.image(nil), mark{ci, sigstoretest.Bundle})
	m.add("keyless-classic", policy.Allow, m.image(nil), mark{ci, sigstoretest.Classic})
	m.add("twice", policy.Allow, m.image(nil), mark{w.other, sigstoretest.Bundle}, byKey(sigstoretest.Classic))
	m.add("layered", policy.Allow, m.over(
		gatetest.Layer(t, gatetest.Zstd, gatetest.Entry{Path: "bin/sh", Content: gatetest.Program(), Mode: 0o755}),
		gatetest.Layer(t, gatetest.Uncompressed, gatetest.Entry{Path: "bin/.wh.sh"}),
	), byKey(sigstoretest.Classic))
	m.add("index", policy.Allow, gatetest.Index(t, m.image(nil), arm(m.image(nil))), byKey(sigstoretest.Classic))

	m.add("unsigned", policy.Deny, m.image(nil))
	m.add("wrong-key", policy.Deny, m.image(nil), mark{w.other, sigstoretest.Classic})
	m.add("wrong-identity", policy.Deny, m.image(nil), mark{sigstoretest.Identity{Subject: "eve@example.com", Issuer: ci.Issuer}, sigstoretest.Bundle})
	m.addCopied()
	m.addChanged("root", func(c *v1.ConfigFile) { c.Config.User = "0" })
	m.addChanged("named-user", func(c *v1.ConfigFile) { c.Config.User = "app" })
	m.addChanged("secret", func(c *v1.ConfigFile) {
		c.Config.Env = []string{"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIzK7MDENGsbPxRfiCYzzzzzzzzzz"}
	})
	m.addChanged("not-runnable", func(c *v1.ConfigFile) { c.Config.Entrypoint = []string{"/nothing"} })
	m.add("shell", policy.Deny, m.image(map[string]string{"bin/bash": gatetest.Program()}), byKey(sigstoretest.Classic))
	m.add("debugger", policy.Deny, m.image(map[string]string{"usr/bin/gdb": gatetest.Program()}), byKey(sigstoretest.Bundle))
	m.add("installer", policy.Deny, m.image(map[string]string{"usr/bin/apt-get": gatetest.Program()}), byKey(sigstoretest.Classic))
	m.add("vulnerable", policy.Deny, m.image(map[string]string{"var/lib/dpkg/status": oldPackages}), byKey(sigstoretest.Classic))
	m.add("setuid", policy.Deny, m.over(gatetest.Layer(t, gatetest.Gzip,
		gatetest.Entry{Path: "srv/tool", Content: gatetest.Program(), Mode: fs.ModeSetuid | 0o755})), byKey(sigstoretest.Bundle))
	bad := gatetest.WithConfig(t, m.image(nil), func(c *v1.ConfigFile) { c.Variant, c.Config.User = "v2", "0" })
	m.add("index-with-root", policy.Deny, gatetest.Index(t, m.image(nil), bad), byKey(sigstoretest.Classic))

	m.add("strange", policy.NotDecidable, m.image(map[string]string{"etc/os-release": acmeRelease, "var/lib/dpkg/status": acmePackages}), byKey(sigstoretest.Classic))
	m.add("foreign", policy.NotDecidable, m.over(gatetest.RawLayer([]byte("x"), types.DockerForeignLayer, noDiffID)), byKey(sigstoretest.Classic))
	m.add("no-archive", policy.NotDecidable, m.over(gatetest.LayerOf(t, gatetest.Gzip, make([]byte, 300))), byKey(sigstoretest.Bundle))
	m.add("gap", policy.NotDecidable, m.image(map[string]string{"srv/broken.jar": "PK, but no archive"}), byKey(sigstoretest.Classic))
	return m.images
}

// mixer makes images that differ, so that no two have one digest.
type mixer struct {
	t      *testing.T
	world  *world
	images []mixedImage
}

func (m *mixer) config() v1.ConfigFile {
	config := unprivileged()
	config.Config.Labels = map[string]string{"number": string(rune('a' + len(m.images)))}
	return config
}

// image is good but for these files.
func (m *mixer) image(more map[string]string) v1.Image {
	files := goodFiles()
	for path, content := range more {
		files[path] = content
	}
	return gatetest.Image(m.t, m.config(), gatetest.Layer(m.t, gatetest.Gzip, gatetest.Files(files)...))
}

// over is the good image with layers over it.
func (m *mixer) over(layers ...v1.Layer) v1.Image {
	base := gatetest.Layer(m.t, gatetest.Gzip, gatetest.Files(goodFiles())...)
	return gatetest.Image(m.t, m.config(), append([]v1.Layer{base}, layers...)...)
}

// mark is a signature to make.
type mark struct {
	by   sigstoretest.Signer
	form sigstoretest.Form
}

// byKey is filled in with the key of the world.
func byKey(form sigstoretest.Form) mark { return mark{form: form} }

// pushable is an image or an index.
type pushable interface {
	remote.Taggable
	partial.Describable
}

func (m *mixer) add(name string, want policy.Decision, what pushable, signatures ...mark) {
	m.t.Helper()
	digest := m.world.registry.Push(name+":v1", what)
	var artifacts []sigstoretest.Artifact
	for _, s := range signatures {
		if s.by == nil {
			s.by = m.world.key
		}
		artifact, err := m.world.sigstore.Sign(digest.String(), s.by, s.form)
		require.NoError(m.t, err)
		artifacts = append(artifacts, artifact)
	}
	m.attach(name, what, artifacts)
	m.images = append(m.images, mixedImage{name, want, digest.String()})
}

func (m *mixer) attach(name string, what pushable, artifacts []sigstoretest.Artifact) {
	m.t.Helper()
	tags, referrers, err := sigstoretest.Manifests(gatetest.DescriptorOf(m.t, what), artifacts)
	require.NoError(m.t, err)
	for tag, manifest := range tags {
		m.world.registry.Push(name+":"+tag, manifest)
	}
	for _, referrer := range referrers {
		m.world.registry.Push(name+"@"+gatetest.DescriptorOf(m.t, referrer).Digest.String(), referrer)
	}
}

// addChanged adds a denied image with a changed config.
func (m *mixer) addChanged(name string, change func(*v1.ConfigFile)) {
	m.add(name, policy.Deny, gatetest.WithConfig(m.t, m.image(nil), change), byKey(sigstoretest.Classic))
}

// addCopied adds an image with the signatures of another.
func (m *mixer) addCopied() {
	image := m.image(nil)
	digest := m.world.registry.Push("copied:v1", image)
	var artifacts []sigstoretest.Artifact
	for _, form := range []sigstoretest.Form{sigstoretest.Classic, sigstoretest.Bundle} {
		artifact, err := m.world.sigstore.Sign(m.images[0].digest, m.world.key, form)
		require.NoError(m.t, err)
		artifacts = append(artifacts, artifact)
	}
	m.attach("copied", image, artifacts)
	m.images = append(m.images, mixedImage{"copied", policy.Deny, digest.String()})
}
