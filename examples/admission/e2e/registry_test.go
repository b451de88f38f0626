//go:build e2e

package e2e

import (
	"maps"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

// images is a registry with small images, each of them with one thing about it.
type images struct {
	*gatetest.Registry

	release  *sigstoretest.Key // whose signature the policy asks for
	stranger *sigstoretest.Key
	sigstore *sigstoretest.World
	digests  map[string]string
}

const (
	release      = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n"
	users        = "root:x:0:0:root:/root:/sbin/nologin\napp:x:10001:10001::/:/sbin/nologin\n"
	cleanPackage = "Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.4+deb12u12\n"
	// curlPackage has CVE-2023-38545, with a CVSS score of 9.8.
	curlPackage = "Package: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 7.88.1-10\n"
	// latePackage is clean until the advisory that late.json is becomes known.
	latePackage = "Package: late\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n"
)

// variant is what is special about an image.
type variant struct {
	user   string
	files  map[string]string
	signer func(*images) *sigstoretest.Key
}

func byRelease(i *images) *sigstoretest.Key  { return i.release }
func byStranger(i *images) *sigstoretest.Key { return i.stranger }
func byNobody(*images) *sigstoretest.Key     { return nil }

var variants = map[string]variant{
	"good":     {signer: byRelease},
	"another":  {signer: byRelease},
	"slow":     {signer: byRelease},
	"unknown":  {signer: byRelease}, // never asked about before the registry is down
	"unsigned": {signer: byNobody},
	"wrongkey": {signer: byStranger},
	"root":     {signer: byRelease, user: "0"},
	"shell":    {signer: byRelease, files: map[string]string{"bin/sh": gatetest.Program()}},
	"cvss":     {signer: byRelease, files: map[string]string{"var/lib/dpkg/status.d/curl": curlPackage}},
	"late":     {signer: byRelease, files: map[string]string{"var/lib/dpkg/status.d/late": latePackage}},
}

func newImages(t *testing.T) *images {
	t.Helper()
	release, err := sigstoretest.NewKey()
	require.NoError(t, err)
	stranger, err := sigstoretest.NewKey()
	require.NoError(t, err)
	world, err := sigstoretest.New()
	require.NoError(t, err)
	i := &images{Registry: gatetest.NewRegistry(t), release: release, stranger: stranger, sigstore: world, digests: map[string]string{}}
	for name, v := range variants {
		i.digests[name] = i.push(t, name, name+":1", v)
	}
	return i
}

// push makes an image, pushes it under a tag and signs it.
func (i *images) push(t *testing.T, motd, tag string, v variant) string {
	t.Helper()
	files := map[string]string{
		"etc/passwd": users, "app": gatetest.Program(), "etc/os-release": release,
		"var/lib/dpkg/status.d/base": cleanPackage, "etc/motd": motd, // so that no two are the same
	}
	maps.Copy(files, v.files)
	config := v1.ConfigFile{Config: v1.Config{User: "10001:10001", Entrypoint: []string{"/app"}}}
	if v.user != "" {
		config.Config.User = v.user
	}
	image := gatetest.Image(t, config, gatetest.Layer(t, gatetest.Gzip, gatetest.Files(files)...))
	digest := i.Push(tag, image)
	if key := v.signer(i); key != nil {
		size, err := image.Size()
		require.NoError(t, err)
		i.sign(t, tag, v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: digest, Size: size}, key)
	}
	return digest.String()
}

func (i *images) sign(t *testing.T, tag string, subject v1.Descriptor, key *sigstoretest.Key) {
	t.Helper()
	reference, err := name.ParseReference(i.Host() + "/" + tag)
	require.NoError(t, err)
	artifact, err := i.sigstore.Sign(subject.Digest.String(), key, sigstoretest.Classic, sigstoretest.WithoutLog())
	require.NoError(t, err)
	require.NoError(t, sigstoretest.Push(reference.Context(), subject, []sigstoretest.Artifact{artifact}))
}

// tag names an image as people do, ref by its digest.
func (i *images) tag(name string) string { return i.Host() + "/" + name + ":1" }
func (i *images) ref(name string) string { return i.Host() + "/" + name + "@" + i.digests[name] }
