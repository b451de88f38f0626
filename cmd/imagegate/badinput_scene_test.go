package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

// scene is what one bad input happens in: a registry, a folder, and the command
// line that meets them.
type scene struct {
	*world

	dir, temp, cache string
	ctx              context.Context
	cancel           context.CancelFunc

	reference string
	policy    string
	signers   []string // flags; none: signatures are not asked for
	args      []string // further flags
	timeout   time.Duration
	instead   func() outcome // of running the command here
}

// newScene has a registry of its own, and the keys of all scenes.
func newScene(t *testing.T, keys *world, cache string) *scene {
	t.Helper()
	w := *keys
	w.t, w.registry = t, gatetest.NewRegistry(t)
	s := &scene{world: &w, dir: t.TempDir(), temp: t.TempDir(), cache: t.TempDir(), policy: "restricted", timeout: 5 * time.Minute}
	// A cache of its own: what one scene has found out says nothing about the next.
	require.NoError(t, os.CopyFS(s.cache, os.DirFS(cache)))
	s.file("cosign.pub", w.key.PublicPEM())
	s.file("trusted_root.json", w.sigstore.TrustedRoot())
	s.ctx, s.cancel = context.WithCancel(t.Context())
	t.Cleanup(s.cancel)
	s.reference = w.registry.Host() + "/app:v1"
	return s
}

// byKey demands a signature with the key of the world.
func (s *scene) byKey() {
	s.signers = []string{"--key", filepath.Join(s.dir, "cosign.pub"), "--insecure-ignore-tlog"}
}

// ci is who signs keyless.
var ci = sigstoretest.Identity{Subject: "ci@example.com", Issuer: "https://issuer.example.com"}

// byCI demands a keyless signature.
func (s *scene) byCI() {
	s.signers = []string{"--trusted-root", filepath.Join(s.dir, "trusted_root.json"),
		"--certificate-identity", ci.Subject, "--certificate-oidc-issuer", ci.Issuer}
}

// push makes what the reference means.
func (s *scene) push(what remote.Taggable) v1.Hash { return s.registry.Push("app:v1", what) }

// good pushes an image that there is nothing against but what is put beside it.
func (s *scene) good() v1.Image {
	image := namedImage(s.t, "good")
	s.push(image)
	return image
}

// beside puts artifacts beside an image.
func (s *scene) beside(image v1.Image, artifacts ...sigstoretest.Artifact) {
	s.t.Helper()
	tags, referrers, err := sigstoretest.Manifests(gatetest.DescriptorOf(s.t, image), artifacts)
	require.NoError(s.t, err)
	for tag, manifest := range tags {
		s.registry.Push("app:"+tag, manifest)
	}
	for _, referrer := range referrers {
		digest, err := referrer.Digest()
		require.NoError(s.t, err)
		s.registry.Push("app@"+digest.String(), referrer)
	}
}

// signed signs an image with the key of the world, or whatever by is.
func (s *scene) signed(image v1.Image, by sigstoretest.Signer, form sigstoretest.Form, options ...sigstoretest.Option) sigstoretest.Artifact {
	s.t.Helper()
	digest, err := image.Digest()
	require.NoError(s.t, err)
	artifact, err := s.sigstore.Sign(digest.String(), by, form, options...)
	require.NoError(s.t, err)
	return artifact
}

// file writes a file into the scene's folder and returns its path.
func (s *scene) file(name string, content []byte) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	require.NoError(s.t, os.WriteFile(path, content, 0o600))
	return path
}

// canary is a file of this machine that images may point at; whoever reads it
// repeats a word of it. Its lines would let passwd, group and os-release pass.
func (s *scene) canary() string {
	const word = "canary-of-this-machine"
	s.file("canary", []byte("app:x:10001:10001:"+word+":/:/"+word+"\nID="+word+"\nVERSION_ID="+word+"\n"+
		"Package: "+word+"\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n"))
	return word
}

// image is one that is good but for these files.
func (s *scene) image(change func(map[string]string)) v1.Image {
	s.t.Helper()
	files := goodFiles()
	change(files)
	return gatetest.Image(s.t, unprivileged(), gatetest.Layer(s.t, gatetest.Gzip, gatetest.Files(files)...))
}

// files pushes an image that is good but for these files.
func (s *scene) files(change func(map[string]string)) { s.push(s.image(change)) }

// goodFiles are those of an image that there is nothing against.
func goodFiles() map[string]string {
	return map[string]string{
		"etc/passwd": passwd, "app": gatetest.Program(),
		"etc/os-release": debianRelease, "var/lib/dpkg/status.d/base": goodPackages,
	}
}

// over pushes the good image with these layers over it.
func (s *scene) over(layers ...v1.Layer) {
	s.t.Helper()
	s.push(gatetest.Image(s.t, unprivileged(), append(s.goodLayers(), layers...)...))
}

// entries pushes the good image with a layer of these entries over it.
func (s *scene) entries(entries ...gatetest.Entry) {
	s.t.Helper()
	s.over(gatetest.Layer(s.t, gatetest.Gzip, entries...))
}

func (s *scene) goodLayers() []v1.Layer {
	s.t.Helper()
	layers, err := namedImage(s.t, "good").Layers()
	require.NoError(s.t, err)
	return layers
}

func unprivileged() v1.ConfigFile {
	return v1.ConfigFile{Config: v1.Config{User: "10001:10001", Entrypoint: []string{"/app"}}}
}
