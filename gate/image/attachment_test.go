package image_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/image"
)

const (
	simpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	dsse          = "application/vnd.dsse.envelope.v1+json"
	bundle        = "application/vnd.dev.sigstore.bundle.v0.3+json"
)

// signed is a registry with an image and everything that may lie beside it.
func signed(t *testing.T, options ...gatetest.RegistryOption) (*gatetest.Registry, v1.Hash) {
	t.Helper()
	registry := gatetest.NewRegistry(t, options...)
	small := gatetest.SmallImage(t)
	digest := registry.Push("app:v1", small)
	subject := gatetest.DescriptorOf(t, small)
	signature := gatetest.Piece{Content: []byte("signature"), MediaType: simpleSigning, Annotations: map[string]string{"dev.cosignproject.cosign/signature": "s"}}
	registry.Push("app:"+gatetest.BesideTag(digest, ".sig"), gatetest.Artifact(t, nil, signature))
	registry.Push("app:"+gatetest.BesideTag(digest, ".att"), gatetest.Artifact(t, nil, gatetest.Blob([]byte("attestation"), dsse)))
	registry.Push("app:b1", gatetest.Artifact(t, &subject, gatetest.Blob([]byte("bundle"), bundle)))
	registry.Push("app:b2", gatetest.Artifact(t, &subject, gatetest.Blob([]byte("an sbom"), "text/spdx+json")))
	return registry, digest
}

func payloads(attachments []gate.Attachment) map[string]string {
	found := map[string]string{}
	for _, a := range attachments {
		found[a.Layout+" "+a.MediaType] = string(a.Payload)
	}
	return found
}

func TestAllLayoutsAreLookedAt(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]gatetest.RegistryOption{"api": nil, "fallback tag": {gatetest.WithoutReferrers()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, digest := signed(t, options...)
			attachments, err := resolve(t, registry.Host()+"/app:v1").Attachments(t.Context(), digest.String())
			require.NoError(t, err)
			require.Equal(t, map[string]string{
				"tag " + simpleSigning: "signature", "tag " + dsse: "attestation", "referrer " + bundle: "bundle",
			}, payloads(attachments))
			require.Equal(t, "s", attachments[0].Annotations["dev.cosignproject.cosign/signature"])
			require.Equal(t, digest.String(), attachments[0].SubjectDigest)
			require.Contains(t, attachments[0].Source, "sha256:")
		})
	}
}

func TestNothingBesideIsNoError(t *testing.T) {
	t.Parallel()
	registry, digest := pushed(t)
	attachments, err := resolve(t, registry.Host()+"/app:v1").Attachments(t.Context(), digest)
	require.NoError(t, err)
	require.Empty(t, attachments)
}

func TestOneBrokenLayoutLeavesTheOthers(t *testing.T) {
	t.Parallel()
	for part, test := range map[string]struct {
		fault gatetest.Fault
		left  int
	}{
		".sig":       {gatetest.Status(500), 2},
		".att":       {gatetest.Page(), 2},
		"/referrers": {gatetest.Status(403), 2},
	} {
		t.Run(part[1:], func(t *testing.T) {
			t.Parallel()
			registry, digest := signed(t)
			subject := resolve(t, registry.Host()+"/app:v1")
			registry.Break(part, test.fault)
			attachments, err := subject.Attachments(t.Context(), digest.String())
			requireFailure(t, err, "looking for attachments", "", part != "/referrers")
			require.Len(t, attachments, test.left)
		})
	}
}

func TestRegistriesWithoutReferrersAnswerInManyWays(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]gatetest.Fault{
		"404": gatetest.Status(404), "400": gatetest.Status(400), "405": gatetest.Status(405), "a web page": gatetest.Page(),
		"something": gatetest.Body("application/json", []byte("{}")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, digest := signed(t, gatetest.WithoutReferrers())
			registry.Break("/referrers/", fault)
			attachments, err := resolve(t, registry.Host()+"/app:v1").Attachments(t.Context(), digest.String())
			require.NoError(t, err)
			require.Len(t, attachments, 3)
		})
	}
}

func TestPayloadsAreVerifiedAndBounded(t *testing.T) {
	t.Parallel()
	registry, digest := signed(t)
	subject := resolve(t, registry.Host()+"/app:v1", image.WithLimits(image.Limits{AttachmentBytes: 9}))
	registry.Break("/blobs/", gatetest.Flipped(0))
	attachments, err := subject.Attachments(t.Context(), digest.String())
	require.NoError(t, err)
	require.Len(t, attachments, 3)
	for _, a := range attachments {
		require.Empty(t, a.Payload)
		message := "has not the digest"
		if a.MediaType == dsse {
			message = "AttachmentBytes"
		}
		require.ErrorContains(t, a.Err, message)
	}
}

func TestManyAttachmentsDoNotHideTheFirst(t *testing.T) {
	t.Parallel()
	registry, digest := pushed(t)
	var pieces []gatetest.Piece
	for i := range 60 {
		pieces = append(pieces, gatetest.Blob(fmt.Append(nil, i), simpleSigning))
	}
	hash, err := v1.NewHash(digest)
	require.NoError(t, err)
	registry.Push("app:"+gatetest.BesideTag(hash, ".sig"), gatetest.Artifact(t, nil, pieces...))
	attachments, err := resolve(t, registry.Host()+"/app:v1").Attachments(t.Context(), digest)
	requireFailure(t, err, "over the limit Attachments of 50", "", false)
	require.Len(t, attachments, 50)
	require.Equal(t, "0", string(attachments[0].Payload))
}

func TestJunkReferrersDoNotHideABundle(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	small := gatetest.SmallImage(t)
	digest := registry.Push("app:v1", small)
	about := gatetest.DescriptorOf(t, small)
	var list []string
	for i := range 60 {
		junk := gatetest.Artifact(t, &about, gatetest.Blob(fmt.Append(nil, i), "text/plain"))
		list = append(list, listed(t, registry.Push(fmt.Sprintf("app:junk%d", i), junk), "application/vnd.junk"))
	}
	last := gatetest.Artifact(t, &about, gatetest.Blob([]byte("bundle"), bundle))
	list = append(list, listed(t, registry.Push("app:bundle", last), bundle))
	registry.Break("/referrers/", gatetest.Body("application/vnd.oci.image.index.v1+json", referrersList(list)))
	attachments, err := resolve(t, registry.Host()+"/app:v1").Attachments(t.Context(), digest.String())
	requireFailure(t, err, "there are 61 referrers", "", false)
	require.Equal(t, map[string]string{"referrer " + bundle: "bundle"}, payloads(attachments))
}

func listed(t *testing.T, digest v1.Hash, artifactType string) string {
	t.Helper()
	return fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":%q,"artifactType":%q}`, digest, artifactType)
}

func referrersList(entries []string) []byte {
	var joined [][]byte
	for _, entry := range entries {
		joined = append(joined, []byte(entry))
	}
	return slices.Concat([]byte(`{"schemaVersion":2,"manifests":[`), bytes.Join(joined, []byte(",")), []byte(`]}`))
}

func TestDigestThatIsNone(t *testing.T) {
	t.Parallel()
	registry, _ := pushed(t)
	_, err := resolve(t, registry.Host()+"/app:v1").Attachments(t.Context(), "sha256:x")
	require.Error(t, err)
}
