package image_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/image"
)

func destination(t *testing.T, typed string) image.Destination {
	t.Helper()
	to, err := image.ParseDestination(typed)
	require.NoError(t, err)
	return to
}

func push(t *testing.T, subject gate.Subject, to string) image.Pushed {
	t.Helper()
	pushed, err := images(t).Push(t.Context(), subject, destination(t, to))
	require.NoError(t, err)
	require.Equal(t, subject.Digest(), pushed.Digest)
	return pushed
}

// requireWhole reads everything below a tag with other code than that which
// wrote it.
func requireWhole(t *testing.T, tag, digest string) {
	t.Helper()
	reference, err := name.ParseReference(tag)
	require.NoError(t, err)
	descriptor, err := remote.Get(reference)
	require.NoError(t, err)
	require.Equal(t, digest, descriptor.Digest.String())
	if !descriptor.MediaType.IsIndex() {
		only, err := descriptor.Image()
		require.NoError(t, err)
		require.NoError(t, validate.Image(only))
		return
	}
	index, err := descriptor.ImageIndex()
	require.NoError(t, err)
	list, err := index.IndexManifest()
	require.NoError(t, err)
	for _, entry := range list.Manifests {
		child, err := index.Image(entry.Digest)
		require.NoError(t, err)
		require.NoError(t, validate.Image(child), entry.Digest)
	}
}

// twoPlatforms is an index as BuildKit makes it.
func twoPlatforms(t *testing.T) v1.ImageIndex {
	t.Helper()
	amd := gatetest.SmallImage(t)
	arm := gatetest.WithConfig(t, amd, func(c *v1.ConfigFile) { c.Architecture = "arm64" })
	return gatetest.WithAttestationManifest(t, gatetest.Index(t, amd, arm), amd)
}

func TestPushFromLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := layout.Write(dir, gatetest.Index(t, gatetest.SmallImage(t)))
	require.NoError(t, err)
	registry := gatetest.NewRegistry(t)
	subject := resolve(t, "oci:"+dir)
	pushed := push(t, subject, registry.Host()+"/app:v1")
	require.Equal(t, registry.Host()+"/app@"+subject.Digest(), pushed.Reference)
	require.False(t, pushed.Already)
	requireWhole(t, registry.Host()+"/app:v1", subject.Digest())
}

func TestPushFromArchives(t *testing.T) {
	t.Parallel()
	for how, archive := range map[string][]byte{"docker save": dockerSave(t), "crane": craneArchive(t)} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "app.tar")
			require.NoError(t, os.WriteFile(path, archive, 0o600))
			registry := gatetest.NewRegistry(t)
			subject := resolve(t, "docker-archive:"+path)
			push(t, subject, registry.Host()+"/app:v1")
			requireWhole(t, registry.Host()+"/app:v1", subject.Digest())
		})
	}
}

// All that the digest covers arrives, attestation manifests too, and what names
// something arrives after it: the tag is the last write.
func TestPushOfIndex(t *testing.T) {
	t.Parallel()
	from, to := gatetest.NewRegistry(t), gatetest.NewRegistry(t)
	digest := from.Push("app:v1", twoPlatforms(t)).String()
	push(t, resolve(t, from.Host()+"/app:v1"), to.Host()+"/team/app:v1")
	requireWhole(t, to.Host()+"/team/app:v1", digest)

	var manifests []string
	for _, request := range to.Writes() {
		if at := strings.Index(request.Path, "/manifests/"); at >= 0 {
			manifests = append(manifests, request.Path[at+len("/manifests/"):])
			continue
		}
		require.NotContains(t, manifests, "v1", "a blob came after the tag")
	}
	require.Len(t, manifests, 4, "two images, an attestation, and the index under its tag")
	require.Equal(t, "v1", manifests[3])
}

// The handle that was judged is pushed, whatever its tag means by then.
func TestPushAfterTheTagMoved(t *testing.T) {
	t.Parallel()
	from, judged := pushed(t)
	to := gatetest.NewRegistry(t)
	subject := resolve(t, from.Host()+"/app:v1")
	other := gatetest.WithConfig(t, gatetest.SmallImage(t), func(c *v1.ConfigFile) { c.Config.User = "root" })
	require.NotEqual(t, judged, from.Push("app:v1", other).String())

	push(t, subject, to.Host()+"/app:v1")
	requireWhole(t, to.Host()+"/app:v1", judged)

	// Onto its own tag it would undo the other push.
	_, err := images(t).Push(t.Context(), subject, destination(t, from.Host()+"/app:v1"))
	requireFailure(t, err, "somebody else has pushed to it", "judge it again", false)
	require.Empty(t, from.Writes())
}

func TestPushOntoItself(t *testing.T) {
	t.Parallel()
	registry, _ := pushed(t)
	require.True(t, push(t, resolve(t, registry.Host()+"/app:v1"), registry.Host()+"/app:v1").Already)
	require.Empty(t, registry.Writes())
}

// A push that is repeated sends nothing; one of which a part is missing, only that.
func TestPushAgain(t *testing.T) {
	t.Parallel()
	from, to := gatetest.NewRegistry(t), gatetest.NewRegistry(t)
	digest := from.Push("app:v1", twoPlatforms(t)).String()
	subject := resolve(t, from.Host()+"/app:v1")
	require.False(t, push(t, subject, to.Host()+"/app:v1").Already)
	before := len(to.Writes())

	require.True(t, push(t, subject, to.Host()+"/app:v1").Already)
	require.Len(t, to.Writes(), before)

	require.False(t, push(t, subject, to.Host()+"/app:v2").Already)
	require.Len(t, to.Writes(), before+1, "only the other tag")
	requireWhole(t, to.Host()+"/app:v2", digest)
}

func TestPushMountsWhatTheRegistryHas(t *testing.T) {
	t.Parallel()
	registry, digest := pushed(t)
	subject := resolve(t, registry.Host()+"/app:v1")
	// Blobs of the registry in memory belong to all repositories, so it is told to
	// answer as one does where they do not.
	registry.Break("/released/app/blobs/", gatetest.For(http.MethodHead, gatetest.Status(404)))
	registry.Break("/released/app/blobs/uploads/", gatetest.For(http.MethodPost, gatetest.Status(201)))
	push(t, subject, registry.Host()+"/released/app:v1")
	registry.Mend()
	requireWhole(t, registry.Host()+"/released/app:v1", digest)
	writes := registry.Writes()
	require.Len(t, writes, 3, "config, layer and manifest, and no blob was sent")
	for _, request := range writes[:2] {
		require.Contains(t, request.Path, "from=app&mount=sha256", request.Path)
	}
}

// What breaks for a moment is sent again.
func TestPushRepeatsWhatBroke(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]gatetest.Fault{
		"cut in the middle":     gatetest.For(http.MethodPatch, gatetest.Times(1, gatetest.HangUp(10))),
		"refused for a moment":  gatetest.For(http.MethodPost, gatetest.Times(2, gatetest.Status(503))),
		"commit without answer": gatetest.For(http.MethodPut, gatetest.Times(1, gatetest.Status(500))),
		"asked to wait":         gatetest.For(http.MethodHead, gatetest.Times(1, gatetest.Status(429, "Retry-After: 1"))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, digest := pushed(t)
			to := gatetest.NewRegistry(t)
			to.Break("", fault)
			push(t, resolve(t, from.Host()+"/app:v1"), to.Host()+"/app:v1")
			requireWhole(t, to.Host()+"/app:v1", digest)
		})
	}
}

// A push that fails leaves the tag as it was, and can be repeated.
func TestPushFailsWithoutATrace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil           func(from, to *gatetest.Registry)
		message, remedy string
		transient       bool
	}{
		"no right to write": {
			func(_, to *gatetest.Registry) { to.Break("/blobs/uploads/", gatetest.Status(403)) },
			"told to fail", "ask for write access", false,
		},
		"manifests refused": {
			func(_, to *gatetest.Registry) {
				to.Break("/manifests/", gatetest.For(http.MethodPut, gatetest.Status(503)))
			},
			"told to fail", "try again later", true,
		},
		"source spoils a blob": {
			func(from, _ *gatetest.Registry) { from.Break("/blobs/", gatetest.Flipped(-1)) },
			"the content has not the digest", "look for a broken cache", false,
		},
		"source cuts a blob": {
			func(from, _ *gatetest.Registry) { from.Break("/blobs/", gatetest.Truncated(5)) },
			"blob sha256:", "try again", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, digest := pushed(t)
			to := gatetest.NewRegistry(t)
			old := to.Push("app:v1", gatetest.Image(t, v1.ConfigFile{})).String()
			subject := resolve(t, from.Host()+"/app:v1")
			test.spoil(from, to)
			_, err := images(t).Push(t.Context(), subject, destination(t, to.Host()+"/app:v1"))
			requireFailure(t, err, test.message, test.remedy, test.transient)

			from.Mend()
			to.Mend()
			requireWhole(t, to.Host()+"/app:v1", old)
			push(t, subject, to.Host()+"/app:v1")
			requireWhole(t, to.Host()+"/app:v1", digest)
		})
	}
}

func TestPushGivesUp(t *testing.T) {
	t.Parallel()
	from, _ := pushed(t)
	to := gatetest.NewRegistry(t)
	ctx, cancel := context.WithCancel(t.Context())
	to.Break("/blobs/", gatetest.Then(cancel))
	_, err := images(t).Push(ctx, resolve(t, from.Host()+"/app:v1"), destination(t, to.Host()+"/app:v1"))
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, to.Writes())
}

func TestPushWithLogin(t *testing.T) {
	t.Parallel()
	from, digest := pushed(t)
	to := gatetest.NewRegistry(t, gatetest.WithTokenAuth("ci", "secret"))
	subject := resolve(t, from.Host()+"/app:v1")
	_, err := images(t).Push(t.Context(), subject, destination(t, to.Host()+"/app:v1"))
	requireFailure(t, err, "pushing "+digest, "docker login", false)

	ours := images(t, image.WithKeychain(keychain{"ci", "secret"}))
	pushed, err := ours.Push(t.Context(), subject, destination(t, to.Host()+"/app:v1"))
	require.NoError(t, err)
	require.Equal(t, digest, pushed.Digest)
}

func TestParseDestination(t *testing.T) {
	t.Parallel()
	to := destination(t, "registry.example.com/team/app:1.4")
	require.Equal(t, "registry.example.com/team/app:1.4", to.String())
	require.Equal(t, "registry.example.com/team/app", to.Repository())
	for typed, says := range map[string]string{
		"registry.example.com/app": "names no tag",
		"localhost:5000/app":       "names no tag",
		"registry.example.com/app:1@sha256:" + strings.Repeat("a", 64): "names a digest",
		"registry.example.com/app@sha256:" + strings.Repeat("a", 64):   "names a digest",
		"oci:build/image":     "is no registry",
		"docker-daemon:app:1": "is no registry",
		"registry.example.com/app:sha256-" + strings.Repeat("a", 64) + ".sig": "where signatures are kept",
		"":                             "empty",
		"registry.example.com/App:1":   "cannot be read",
		"https://registry.example.com": "has a scheme",
	} {
		_, err := image.ParseDestination(typed)
		var misnamed *gate.ReferenceError
		require.ErrorAs(t, err, &misnamed, typed)
		assert.ErrorContains(t, err, says)
		assert.NotEmpty(t, misnamed.Remedy(), typed)
	}
}

func TestAttachSignature(t *testing.T) {
	t.Parallel()
	registry, digest := pushed(t, gatetest.WithoutReferrers())
	to := destination(t, registry.Host()+"/app:v1")
	for _, signature := range []string{"one", "two", "one"} {
		require.NoError(t, images(t).AttachSignature(t.Context(), to, signatureOf(digest, signature)))
	}
	attachments, err := resolve(t, registry.Host()+"/app:v1").Attachments(t.Context(), digest)
	require.NoError(t, err)
	require.Len(t, attachments, 2, "each once, and none replaced")
	require.Equal(t, "two", attachments[1].Annotations["dev.cosignproject.cosign/signature"])
	list := signatureList(t, registry, digest)
	config, err := list.ConfigFile()
	require.NoError(t, err)
	manifest, err := list.Manifest()
	require.NoError(t, err)
	require.Len(t, config.RootFS.DiffIDs, len(manifest.Layers))
}

// Nobody's signature is overwritten: neither where the list cannot be read, nor
// where somebody signs at the same time.
func TestAttachSignatureBesideOthers(t *testing.T) {
	t.Parallel()
	registry, digest := pushed(t)
	to := destination(t, registry.Host()+"/app:v1")
	registry.Break(".sig", gatetest.For(http.MethodGet, gatetest.Status(500)))
	err := images(t).AttachSignature(t.Context(), to, signatureOf(digest, "one"))
	requireFailure(t, err, "told to fail", "try again later", true)
	require.Empty(t, registry.Writes())
	registry.Mend()

	registry.Break(".sig", gatetest.For(http.MethodPut, gatetest.Times(1, gatetest.Status(201)))) // lost
	require.NoError(t, images(t).AttachSignature(t.Context(), to, signatureOf(digest, "one")))
	attachments, err := resolve(t, registry.Host()+"/app:v1").Attachments(t.Context(), digest)
	require.NoError(t, err)
	require.Len(t, attachments, 1)

	registry.Break(".sig", gatetest.For(http.MethodPut, gatetest.Status(201))) // lost for ever
	err = images(t).AttachSignature(t.Context(), to, signatureOf(digest, "two"))
	requireFailure(t, err, "others write", "try again", true)
}

func signatureOf(digest, signature string) gate.Attachment {
	return gate.Attachment{
		SubjectDigest: digest, MediaType: "application/vnd.dev.cosign.simplesigning.v1+json", Payload: []byte(`{"critical":{}}`),
		Annotations: map[string]string{"dev.cosignproject.cosign/signature": signature},
	}
}

func signatureList(t *testing.T, registry *gatetest.Registry, digest string) v1.Image {
	t.Helper()
	reference, err := name.ParseReference(registry.Host() + "/app:" + strings.Replace(digest, ":", "-", 1) + ".sig")
	require.NoError(t, err)
	list, err := remote.Image(reference)
	require.NoError(t, err)
	return list
}
