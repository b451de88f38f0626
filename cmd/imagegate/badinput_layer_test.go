package main

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
)

var noDiffID = v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}

func badLayers() []badInput {
	file := gatetest.Entry{Path: "/srv/file", Content: "content"}
	return []badInput{
		{"truncated", func(s *scene) { s.spoilLayer(gatetest.Truncated(100)) }, policy.NotDecidable, "EOF", 0},
		{"truncated, its length too", func(s *scene) {
			s.spoilLayer(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				_, _ = w.Write(gatetest.Read(s.t, s.goodLayers()[0])[:100])
			})
		}, policy.NotDecidable, "ends after 100 of", 0},
		{"flipped at the start", func(s *scene) { s.spoilLayer(gatetest.Flipped(0)) }, policy.NotDecidable, "has not the digest", 0},
		{"flipped inside", func(s *scene) { s.spoilLayer(gatetest.Flipped(150)) }, policy.NotDecidable, "has not the digest", 0},
		{"flipped at the end", func(s *scene) { s.spoilLayer(gatetest.Flipped(-1)) }, policy.NotDecidable, "has not the digest", 0},
		{"longer than said", func(s *scene) { s.spoilLayer(endless("", "\x1f\x8b", 1<<40)) }, policy.NotDecidable, "", 64 << 20},
		{"missing", func(s *scene) { s.spoilLayer(gatetest.Status(http.StatusNotFound)) }, policy.NotDecidable, "NAME_UNKNOWN", 0},
		{"diff id that lies", func(s *scene) {
			s.push(gatetest.WithConfig(s.t, namedImage(s.t, "good"), func(c *v1.ConfigFile) { c.RootFS.DiffIDs[0] = noDiffID }))
		}, policy.NotDecidable, "has not the diff id", 0},
		{"diff ids exchanged", func(s *scene) {
			image := gatetest.Image(s.t, unprivileged(), append(s.goodLayers(), gatetest.Layer(s.t, gatetest.Gzip, file))...)
			s.push(gatetest.WithConfig(s.t, image, func(c *v1.ConfigFile) { slices.Reverse(c.RootFS.DiffIDs) }))
		}, policy.NotDecidable, "has not the diff id", 0},
		{"fewer diff ids than layers", func(s *scene) {
			s.push(gatetest.WithConfig(s.t, namedImage(s.t, "good"), func(c *v1.ConfigFile) { c.RootFS.DiffIDs = nil }))
		}, policy.NotDecidable, "0 diff ids", 0},
		{"gzip bomb of 10 GiB", func(s *scene) { s.over(gatetest.RawLayer(bomb(s.t, 10<<30), types.OCILayer, noDiffID)) },
			policy.NotDecidable, "Ratio", 0},
		{"gzip bomb of 10 GiB within a file", func(s *scene) {
			header := gatetest.Tar(s.t, gatetest.Entry{Path: "/big.jar", Content: "x"})[:512*3]
			s.over(gatetest.RawLayer(slices.Concat(packed(s.t, header), bomb(s.t, 10<<30)), types.OCILayer, noDiffID))
		}, policy.NotDecidable, "Ratio", 0},
		{"zstd bomb", func(s *scene) {
			s.over(gatetest.RawLayer(zstdBomb(s.t, 16<<30), types.OCILayerZStd, noDiffID))
		}, policy.NotDecidable, "Ratio", 0},
		{"zstd window of gigabytes", func(s *scene) {
			// A frame header that asks for the largest window (RFC 8878, 3.1.1.1.2).
			s.over(gatetest.RawLayer([]byte("\x28\xb5\x2f\xfd\x00\xff\x03\x00\x10\x00"), types.OCILayerZStd, noDiffID))
		}, policy.NotDecidable, "", 0},
		{"gzip in gzip", func(s *scene) {
			s.over(gatetest.LayerOf(s.t, gatetest.Gzip, packed(s.t, gatetest.Tar(s.t, file))))
		}, policy.NotDecidable, "EOF", 0},
		{"bytes after the gzip stream", func(s *scene) {
			s.over(gatetest.RawLayer(append(packed(s.t, gatetest.Tar(s.t, file)), "garbage"...), types.OCILayer, noDiffID))
		}, policy.NotDecidable, "EOF", 0},
		{"a shell after the end of the archive", func(s *scene) {
			// Readers that look past the end marker would unpack it.
			shell := gatetest.Tar(s.t, gatetest.Entry{Path: "/bin/sh", Content: gatetest.Program(), Mode: 0o755})
			s.over(gatetest.LayerOf(s.t, gatetest.Gzip, append(gatetest.Tar(s.t, file), shell...)))
		}, policy.Allow, "", 0},
		{"zstd", func(s *scene) { s.over(gatetest.Layer(s.t, gatetest.Zstd, file)) }, policy.Allow, "", 0},
		{"uncompressed", func(s *scene) { s.over(gatetest.Layer(s.t, gatetest.Uncompressed, file)) }, policy.Allow, "", 0},
		{"empty", func(s *scene) { s.over(gatetest.RawLayer(nil, types.OCILayer, noDiffID)) }, policy.NotDecidable, "", 0},
		{"a shell under the wrong compression", func(s *scene) {
			shell := gatetest.Tar(s.t, gatetest.Entry{Path: "/bin/sh", Content: gatetest.Program(), Mode: 0o755})
			diffID, _, err := v1.SHA256(bytes.NewReader(shell))
			require.NoError(s.t, err)
			s.over(gatetest.RawLayer(packed(s.t, shell), types.OCIUncompressedLayer, diffID))
		}, policy.Deny, "content.shells", 0},
		{"bzip2", func(s *scene) { s.over(gatetest.RawLayer([]byte("BZh91AY&SY"), types.OCILayer, noDiffID)) }, policy.NotDecidable, "bzip2", 0},
		{"foreign", func(s *scene) { s.over(gatetest.RawLayer([]byte("x"), types.DockerForeignLayer, noDiffID)) },
			policy.NotDecidable, "non-distributable", 0},
		{"encrypted", func(s *scene) {
			s.over(gatetest.RawLayer([]byte("x"), "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", noDiffID))
		}, policy.NotDecidable, "encrypted", 0},
		{"unknown media type", func(s *scene) { s.over(gatetest.RawLayer([]byte("x"), "text/plain", noDiffID)) }, policy.NotDecidable, "text/plain", 0},
		{"no archive", func(s *scene) { s.over(gatetest.LayerOf(s.t, gatetest.Gzip, bytes.Repeat([]byte("no tar"), 500))) },
			policy.NotDecidable, "tar", 0},
	}
}

// spoilLayer pushes the good image and breaks the answers for its only layer.
func (s *scene) spoilLayer(fault gatetest.Fault) {
	s.t.Helper()
	s.good()
	digest, err := s.goodLayers()[0].Digest()
	require.NoError(s.t, err)
	s.registry.Break("/blobs/"+digest.String(), fault)
}

// packed is content as one gzip member.
func packed(t require.TestingT, content []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// zstdBomb is a stream of n zeros in frames that say so in a few bytes (RFC 8878,
// RLE blocks).
func zstdBomb(t require.TestingT, n int) []byte {
	const piece = 64 << 20
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	require.NoError(t, err)
	frame := encoder.EncodeAll(make([]byte, piece), nil)
	require.NoError(t, encoder.Close())
	return bytes.Repeat(frame, n/piece)
}
