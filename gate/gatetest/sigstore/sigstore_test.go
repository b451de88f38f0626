package sigstoretest

import (
	"io"
	"log"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/stretchr/testify/require"
)

const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// The world as an unrelated verifier sees it: everything that a keyless bundle
// can carry, required.
func TestKeylessBundleVerifies(t *testing.T) {
	t.Parallel()
	w, err := New()
	require.NoError(t, err)
	trusted, err := root.NewTrustedRootFromJSON(w.TrustedRoot())
	require.NoError(t, err)
	verifier, err := verify.NewVerifier(trusted,
		verify.WithTransparencyLog(1), verify.WithSignedTimestamps(1), verify.WithIntegratedTimestamps(1), verify.WithSignedCertificateTimestamps(1))
	require.NoError(t, err)
	for _, id := range []Identity{
		{Subject: "release@example.com", Issuer: "https://issuer.example.com"},
		{Subject: "https://git.example.com/acme/app", Issuer: "https://issuer.example.com"},
	} {
		a, err := w.Sign(digest, id, Bundle, WithTimestamp())
		require.NoError(t, err)
		var b bundle.Bundle
		require.NoError(t, b.UnmarshalJSON(a.Payload))
		identity, err := verify.NewShortCertificateIdentity(id.Issuer, "", id.Subject, "")
		require.NoError(t, err)
		result, err := verifier.Verify(&b, verify.NewPolicy(verify.WithoutArtifactUnsafe(), verify.WithCertificateIdentity(identity)))
		require.NoError(t, err)
		require.Equal(t, signPredicate, result.Statement.GetPredicateType())
		require.Len(t, result.VerifiedTimestamps, 2)
	}
}

func TestKeysAreCosignKeys(t *testing.T) {
	t.Parallel()
	key, err := NewKey()
	require.NoError(t, err)
	public, err := cryptoutils.UnmarshalPEMToPublicKey(key.PublicPEM())
	require.NoError(t, err)
	encoded, err := key.PrivatePEM()
	require.NoError(t, err)
	private, err := cryptoutils.UnmarshalPEMToPrivateKey(encoded, cryptoutils.SkipPassword)
	require.NoError(t, err)
	require.Equal(t, key.private, private)
	require.NoError(t, cryptoutils.EqualKeys(key.private.Public(), public))
}

func TestPush(t *testing.T) {
	t.Parallel()
	for name, referrers := range map[string]bool{"with referrers API": true, "with the fallback tag": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repository := startRegistry(t, referrers)
			subject := pushImage(t, repository)
			artifacts := signAll(t, subject.Digest.String())
			require.NoError(t, Push(repository, subject, artifacts))

			prefix := "sha256-" + subject.Digest.Hex
			require.Equal(t, payloads(artifacts[0:2]), layersOf(t, repository.Tag(prefix+".sig")))
			require.Equal(t, payloads(artifacts[2:3]), layersOf(t, repository.Tag(prefix+".att")))

			index, err := remote.Referrers(repository.Digest(subject.Digest.String()))
			require.NoError(t, err)
			manifest, err := index.IndexManifest()
			require.NoError(t, err)
			require.Len(t, manifest.Manifests, 2)
			var found []string
			for _, m := range manifest.Manifests {
				found = append(found, layersOf(t, repository.Digest(m.Digest.String()))...)
			}
			require.ElementsMatch(t, payloads(artifacts[3:]), found)
		})
	}
}

// signAll makes two classic signatures, a classic attestation, and a bundle of each.
func signAll(t *testing.T, digest string) []Artifact {
	t.Helper()
	w, err := New()
	require.NoError(t, err)
	key, err := NewKey()
	require.NoError(t, err)
	id := Identity{Subject: "release@example.com", Issuer: "https://issuer.example.com"}
	var all []Artifact
	add := func(a Artifact, err error) {
		require.NoError(t, err)
		all = append(all, a)
	}
	add(w.Sign(digest, key, Classic))
	add(w.Sign(digest, id, Classic))
	add(w.Attest(digest, key, Classic, "https://spdx.dev/Document", nil))
	add(w.Sign(digest, id, Bundle))
	add(w.Attest(digest, key, Bundle, "https://spdx.dev/Document", nil))
	return all
}

func payloads(artifacts []Artifact) []string {
	var texts []string
	for _, a := range artifacts {
		texts = append(texts, string(a.Payload))
	}
	return texts
}

func layersOf(t *testing.T, reference name.Reference) []string {
	t.Helper()
	image, err := remote.Image(reference)
	require.NoError(t, err)
	layers, err := image.Layers()
	require.NoError(t, err)
	var texts []string
	for _, layer := range layers {
		content, err := layer.Compressed()
		require.NoError(t, err)
		text, err := io.ReadAll(content)
		require.NoError(t, err)
		texts = append(texts, string(text))
	}
	return texts
}

func startRegistry(t *testing.T, referrers bool) name.Repository {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers)))
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	repository, err := name.NewRepository(address.Host + "/app")
	require.NoError(t, err)
	return repository
}

func pushImage(t *testing.T, repository name.Repository) v1.Descriptor {
	t.Helper()
	image, err := random.Image(64, 1)
	require.NoError(t, err)
	require.NoError(t, remote.Write(repository.Tag("v1"), image))
	descriptor, err := partial.Descriptor(image)
	require.NoError(t, err)
	return *descriptor
}
