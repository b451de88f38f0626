package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
)

func badManifests() []badInput {
	const image, index = string(types.OCIManifestSchema1), string(types.OCIImageIndex)
	answers := func(mediaType, body string) func(*scene) {
		return func(s *scene) { s.good(); s.registry.Break("/manifests/", gatetest.Body(mediaType, []byte(body))) }
	}
	return []badInput{
		{"index of 90 MiB", func(s *scene) {
			s.registry.Break("/manifests/", endless(index, `{"schemaVersion":2,"manifests":[`, 90<<20))
		},
			policy.NotDecidable, "ManifestBytes", 64 << 20},
		{"manifest without end", func(s *scene) { s.registry.Break("/manifests/", endless(image, `{"layers":[`, 1<<40)) },
			policy.NotDecidable, "ManifestBytes", 64 << 20},
		{"4 MiB of brackets", answers(image, `{"layers":`+strings.Repeat("[", 4<<20-100)), policy.NotDecidable, "no JSON document", 0},
		{"index with 20,000 entries", func(s *scene) { s.registry.Break("/manifests/", gatetest.Body(index, manyReferrers(20_000))) },
			policy.NotDecidable, "limit", 0},
		{"index with 300 entries", func(s *scene) { s.registry.Break("/manifests/", gatetest.Body(index, manyReferrers(300))) },
			policy.NotDecidable, "Manifests", 0},
		{"manifest with 20,000 layers", answers(image, string(manyLayers(20_000))), policy.NotDecidable, "limit", 0},
		{"manifest with 600 layers", answers(image, string(manyLayers(600))), policy.NotDecidable, "Layers", 0},
		{"no JSON", answers(image, "\x00\x01\x02"), policy.NotDecidable, "no JSON document", 0},
		{"empty manifest", answers(image, ""), policy.NotDecidable, "no JSON document", 0},
		{"null", answers(image, "null"), policy.NotDecidable, "neither an image nor an index", 0},
		{"image and index at once", answers(index, `{"schemaVersion":2,"manifests":[],"layers":[]}`), policy.NotDecidable, "as an image and as an index", 0},
		{"terminal escapes for a media type", answers(image, `{"schemaVersion":2,"mediaType":"\u001b]0;x\u0007\u001b[2J","layers":[]}`), policy.NotDecidable, "unknown media type", 0},
		{"unknown media type", answers("", `{"schemaVersion":2,"mediaType":"application/x","layers":[]}`), policy.NotDecidable, "unknown media type", 0},
		{"schema 1", answers("application/vnd.docker.distribution.manifest.v1+prettyjws", `{"schemaVersion":1,"fsLayers":[],"signatures":[]}`), policy.NotDecidable, "schema 1", 0},
		{"manifest of another digest than asked", func(s *scene) {
			digest, err := s.good().Digest()
			require.NoError(s.t, err)
			s.reference = s.registry.Host() + "/app@" + digest.String()
			raw, err := namedImage(s.t, "other").RawManifest()
			require.NoError(s.t, err)
			s.registry.Break("/manifests/", gatetest.Body(image, raw))
		}, policy.NotDecidable, "has not the digest", 0},
		{"manifest that is not what the registry says that it is", func(s *scene) {
			s.good()
			s.registry.Break("/manifests/v1", gatetest.Flipped(-30))
		}, policy.NotDecidable, "has not the digest", 0},
		{"negative sizes", func(s *scene) {
			s.pushManifest(func(m *v1.Manifest) { m.Layers[0].Size = -1 })
		}, policy.NotDecidable, "negative size", 0},
		{"config said to be gigabytes long", func(s *scene) {
			s.pushManifest(func(m *v1.Manifest) { m.Config.Size = 1 << 40 })
		}, policy.NotDecidable, "ConfigBytes", 0},
		{"config longer than said", func(s *scene) { s.good(); s.registry.Break("/blobs/", endless("", "{", 1<<40)) },
			policy.NotDecidable, "bytes long", 64 << 20},
		{"config that is a number", func(s *scene) { s.pushConfig("1") }, policy.NotDecidable, "no image config", 0},
		{"config nested 100,000 deep", func(s *scene) { s.pushConfig(strings.Repeat(`{"config":`, 100_000)) }, policy.NotDecidable, "no image config", 0},
		{"config of another digest", func(s *scene) {
			name, err := s.good().ConfigName()
			require.NoError(s.t, err)
			s.registry.Break("/blobs/"+name.String(), gatetest.Flipped(5))
		}, policy.NotDecidable, "has not the digest", 0},
		{"config of terminal escapes", func(s *scene) {
			s.push(gatetest.WithConfig(s.t, namedImage(s.t, "good"), func(c *v1.ConfigFile) {
				c.Config.User = "\x1b[2Jroot\u202e\x00\n" + strings.Repeat("x", 5000)
			}))
		}, policy.Deny, "config.nonRoot", 0},
		{"layers without end in the config", func(s *scene) {
			s.push(gatetest.WithConfig(s.t, namedImage(s.t, "good"), func(c *v1.ConfigFile) {
				for range 20_000 {
					c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, c.RootFS.DiffIDs[0])
				}
			}))
		}, policy.NotDecidable, "diff ids", 0},
		{"index in an index", func(s *scene) {
			s.push(mutate.AppendManifests(emptyIndex(), mutate.IndexAddendum{Add: gatetest.Index(s.t, namedImage(s.t, "good"))}))
		}, policy.Allow, "", 0},
		{"indexes in indexes, five deep", func(s *scene) {
			deep := gatetest.Index(s.t, namedImage(s.t, "good"))
			for range 5 {
				deep = mutate.AppendManifests(emptyIndex(), mutate.IndexAddendum{Add: deep})
			}
			s.push(deep)
		}, policy.NotDecidable, "IndexDepth", 0},
		{"index that names itself", func(s *scene) {
			raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"size":300,"digest":"sha256:%064d"}]}`, index, index, 0)
			s.registry.Break("/manifests/", gatetest.Body(index, []byte(raw)))
		}, policy.NotDecidable, "has not the digest", 0},
		{"empty index", func(s *scene) { s.push(emptyIndex()) }, policy.NotDecidable, "lists no platform image", 0},
		{"index of attestations only", func(s *scene) {
			s.push(gatetest.WithAttestationManifest(s.t, emptyIndex(), namedImage(s.t, "good")))
		}, policy.NotDecidable, "lists no platform image", 0},
		{"index that hides a bad platform", func(s *scene) {
			bad := gatetest.WithConfig(s.t, namedImage(s.t, "bad"), func(c *v1.ConfigFile) { c.Architecture = "s390x" })
			s.push(gatetest.Index(s.t, namedImage(s.t, "good"), bad))
		}, policy.Deny, "config.nonRoot", 0},
		{"image that calls itself an attestation", func(s *scene) {
			s.push(mutate.AppendManifests(gatetest.Index(s.t, namedImage(s.t, "good")), mutate.IndexAddendum{
				Add: namedImage(s.t, "bad"),
				Descriptor: v1.Descriptor{
					Platform:    &v1.Platform{OS: "linux", Architecture: "arm64"},
					Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"},
				},
			}))
		}, policy.Deny, "config.nonRoot", 0},
		{"index with a platform that is missing", func(s *scene) {
			other := gatetest.WithConfig(s.t, namedImage(s.t, "other"), func(c *v1.ConfigFile) { c.Architecture = "arm64" })
			s.push(gatetest.Index(s.t, namedImage(s.t, "good"), other))
			digest, err := other.Digest()
			require.NoError(s.t, err)
			s.registry.Break("/manifests/"+digest.String(), gatetest.Status(http.StatusNotFound))
		}, policy.NotDecidable, "NAME_UNKNOWN", 0},
		{"no container image", func(s *scene) {
			s.push(gatetest.Artifact(s.t, nil, gatetest.Blob([]byte("x"), "application/vnd.cncf.helm.chart.content.v1.tar+gzip")))
		}, policy.NotDecidable, "no container image", 0},
	}
}

func emptyIndex() v1.ImageIndex {
	return mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
}

// endless answers with a beginning and then with zeros up to n bytes, which no
// part of this process ever holds at once.
func endless(mediaType, begin string, n int64) gatetest.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write([]byte(begin))
		chunk := bytes.Repeat([]byte("0,"), 16<<10)
		for sent := int64(0); sent < n && r.Context().Err() == nil; sent += int64(len(chunk)) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
}

// pushManifest pushes the good image with a changed manifest.
func (s *scene) pushManifest(change func(*v1.Manifest)) {
	s.t.Helper()
	image := s.good()
	manifest, err := image.Manifest()
	require.NoError(s.t, err)
	manifest = manifest.DeepCopy()
	change(manifest)
	raw, err := json.Marshal(manifest)
	require.NoError(s.t, err)
	s.registry.Break("/manifests/", gatetest.Body(string(manifest.MediaType), raw))
}

// pushConfig pushes an image whose config is that text.
func (s *scene) pushConfig(config string) {
	s.t.Helper()
	digest, size, err := v1.SHA256(strings.NewReader(config))
	require.NoError(s.t, err)
	s.pushManifest(func(m *v1.Manifest) { m.Config.Digest, m.Config.Size = digest, size })
	s.registry.Break("/blobs/"+digest.String(), gatetest.Body("", []byte(config)))
}

// manyLayers is a manifest that names one layer so many times.
func manyLayers(n int) []byte {
	const descriptor = `{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":32,"digest":"sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1"}`
	return fmt.Appendf(nil, `{"schemaVersion":2,"config":{"mediaType":%q,"size":2,"digest":%q},"layers":[%s%s]}`,
		types.OCIConfigJSON, "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
		strings.Repeat(descriptor+",", n-1), descriptor)
}
