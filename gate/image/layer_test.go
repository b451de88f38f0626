package image_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/filetree"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/image"
)

type configFile = v1.ConfigFile

// layerOf is an image with one layer, in a registry.
func layerOf(t *testing.T, layers ...v1.Layer) (*gatetest.Registry, string) {
	t.Helper()
	registry := gatetest.NewRegistry(t)
	registry.Push("app:v1", gatetest.Image(t, v1.ConfigFile{}, layers...))
	return registry, registry.Host() + "/app:v1"
}

func TestEveryCompression(t *testing.T) {
	t.Parallel()
	for _, compression := range []gatetest.Compression{gatetest.Gzip, gatetest.Zstd, gatetest.Uncompressed} {
		t.Run(string(compression), func(t *testing.T) {
			t.Parallel()
			_, reference := layerOf(t, gatetest.Layer(t, compression, gatetest.Entry{Path: "/etc/motd", Content: "hello"}))
			require.Equal(t, "hello", content(t, only(t, resolve(t, reference)), "/etc/motd"))
		})
	}
}

func TestLayersAreMergedInOrder(t *testing.T) {
	t.Parallel()
	same := gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/a", Content: "1"})
	registry, reference := layerOf(t,
		same,
		gatetest.Layer(t, gatetest.Zstd, gatetest.Entry{Path: "/a", Content: "2"}, gatetest.Entry{Path: "/b", Content: "2"}),
		gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/.wh.b"}),
		same,
	)
	platform := only(t, resolve(t, reference))
	require.Equal(t, 4, platform.Layers())
	require.Positive(t, platform.CompressedBytes())
	require.Equal(t, "1", content(t, platform, "/a"))
	require.Equal(t, []string{"/a"}, paths(t, platform))
	digest, err := same.Digest()
	require.NoError(t, err)
	require.Equal(t, 2, registry.Count(digest.String()), "once for each time the files were read")
}

func TestDamagedLayers(t *testing.T) {
	t.Parallel()
	noise := strings.Repeat("0123456789abcdef", 8192)
	for name, test := range map[string]struct {
		fault     gatetest.Fault
		message   string
		transient bool
	}{
		"flipped at the start": {gatetest.Flipped(0), "has not the digest", false},
		"flipped in between":   {gatetest.Flipped(200), "has not the digest", false},
		"flipped at the end":   {gatetest.Flipped(-1), "has not the digest", false},
		"cut":                  {gatetest.Truncated(100), "unexpected EOF", true},
		"cut at the start":     {gatetest.Truncated(0), "EOF", true},
		"gone":                 {gatetest.Status(404), "NAME_UNKNOWN", false},
		"longer":               {gatetest.Body("", make([]byte, 1<<20)), "longer than", false},
		"shorter":              {gatetest.Body("", nil), "ends after 0 of", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			layer := gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/noise", Content: noise})
			registry, reference := layerOf(t, layer)
			digest, err := layer.Digest()
			require.NoError(t, err)
			platform := only(t, resolve(t, reference))
			registry.Break("/blobs/"+digest.String(), test.fault)
			requireFailure(t, filesError(t, platform), test.message, "", test.transient)
		})
	}
}

func TestABrokenDownloadGoesOn(t *testing.T) {
	t.Parallel()
	layer := gatetest.Layer(t, gatetest.Uncompressed, gatetest.Entry{Path: "/noise", Content: strings.Repeat("x", 1<<20)})
	registry, reference := layerOf(t, layer)
	digest, err := layer.Digest()
	require.NoError(t, err)
	platform := only(t, resolve(t, reference))
	blob := gatetest.Read(t, layer)
	registry.Break("/blobs/"+digest.String(), func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(blob)) // knows ranges
	})
	registry.Break("/blobs/"+digest.String(), gatetest.Times(1, gatetest.Truncated(300_000)))
	require.Equal(t, []string{"/noise"}, paths(t, platform))
	require.Equal(t, 2, registry.Count(digest.String()))
	require.Less(t, registry.Bytes(digest.String()), int64(len(blob)+1), "nothing is sent twice")
}

func TestConfigsThatLie(t *testing.T) {
	t.Parallel()
	layer := gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/a", Content: "1"})
	other := gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/b", Content: "1"})
	otherDiffID, err := other.DiffID()
	require.NoError(t, err)
	for name, test := range map[string]struct {
		lie     func(*v1.ConfigFile)
		message string
	}{
		"fewer diff ids":  {func(c *v1.ConfigFile) { c.RootFS.DiffIDs = nil }, "1 layers, but the config has 0 diff ids"},
		"more diff ids":   {func(c *v1.ConfigFile) { c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, otherDiffID) }, "has 2 diff ids"},
		"another diff id": {func(c *v1.ConfigFile) { c.RootFS.DiffIDs = []v1.Hash{otherDiffID} }, "has not the diff id"},
		"a Windows image": {func(c *v1.ConfigFile) { c.OS = "windows" }, "Windows"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry := gatetest.NewRegistry(t)
			registry.Push("app:v1", gatetest.WithConfig(t, gatetest.Image(t, v1.ConfigFile{}, layer), test.lie))
			requireFailure(t, filesError(t, only(t, resolve(t, registry.Host()+"/app:v1"))), test.message, "", false)
		})
	}
}

func TestLayersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	packed := func(content []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		_, err := w.Write(content)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return out.Bytes()
	}
	some := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}
	for name, test := range map[string]struct {
		layer   v1.Layer
		message string
	}{
		"unknown media type":   {gatetest.RawLayer([]byte("x"), "application/vnd.oci.image.layer.v1.tar+encrypted", some), "+encrypted"},
		"lies elsewhere":       {gatetest.RawLayer([]byte("x"), types.DockerForeignLayer, some), "non-distributable"},
		"no tar":               {gatetest.LayerOf(t, gatetest.Gzip, bytes.Repeat([]byte("no tar"), 200)), "tar"},
		"packed with bzip2":    {gatetest.RawLayer([]byte("BZh91AY"), types.OCILayer, some), "bzip2"},
		"unfolds without end":  {gatetest.LayerOf(t, gatetest.Gzip, make([]byte, 80<<20)), "Ratio"},
		"more than the stream": {gatetest.RawLayer(append(packed(gatetest.Tar(t)), "garbage"...), types.OCILayer, some), "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, reference := layerOf(t, test.layer)
			requireFailure(t, filesError(t, only(t, resolve(t, reference))), test.message, "", false)
		})
	}
}

func TestLimitsOfFiles(t *testing.T) {
	t.Parallel()
	layer := gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/a"}, gatetest.Entry{Path: "/b"}, gatetest.Entry{Path: "/c"})
	_, reference := layerOf(t, layer)
	platform := only(t, resolve(t, reference, image.WithFileLimits(filetree.Limits{Entries: 2})))
	requireFailure(t, filesError(t, platform), "entries", "raise the limit", false)
}

func TestProgress(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	last := map[string]image.Progress{}
	_, reference := layerOf(t, gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/a"}), gatetest.Layer(t, gatetest.Zstd, gatetest.Entry{Path: "/b"}))
	paths(t, only(t, resolve(t, reference, image.WithProgress(func(p image.Progress) {
		mu.Lock()
		defer mu.Unlock()
		last[p.Layer] = p
	}))))
	require.Len(t, last, 2)
	for _, p := range last {
		require.Equal(t, p.Size, p.Read)
		require.Equal(t, "linux/amd64", p.Platform)
		require.Equal(t, reference, p.Reference)
	}
}

func TestContentIsKeptWhereAsked(t *testing.T) {
	t.Parallel()
	_, reference := layerOf(t, gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/keep", Content: "1"}, gatetest.Entry{Path: "/drop", Content: "2"}))
	keep := image.WithRules(filetree.Rules{Keep: func(path string, _ []byte, _ int64) bool { return path == "/keep" }})
	files, err := only(t, resolve(t, reference, keep)).Files(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, files.Close()) }()
	for file := range files.All() {
		content, err := files.Open(file)
		if file.Path == "/drop" {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err)
		require.NoError(t, content.Close())
	}
}
