package image_test

import (
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/filetree"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/store"
	"github.com/imagegate/imagegate/sbom"
)

// Of a new image on a known base only its own layers are pulled, by another process,
// too.
func TestKnownLayersAreNotPulled(t *testing.T) {
	t.Parallel()
	base := gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/etc/os-release", Content: "ID=base"}, gatetest.Entry{Path: "/etc/motd", Content: strings.Repeat("hello ", 10_000)})
	own := gatetest.Layer(t, gatetest.Zstd, gatetest.Entry{Path: "/app", Content: "app"}, gatetest.Entry{Path: "/etc/.wh.motd"})
	registry := gatetest.NewRegistry(t)
	registry.Push("base:v1", gatetest.Image(t, v1.ConfigFile{}, base))
	registry.Push("app:v1", gatetest.Image(t, v1.ConfigFile{}, base, own))
	digest, err := base.Digest()
	require.NoError(t, err)
	size, err := base.Size()
	require.NoError(t, err)

	memory := image.WithMemory(store.NewScratch(1 << 20))
	options := func(rules string) []image.Option { return []image.Option{memory, image.WithLayers(rules)} }
	require.Equal(t, "ID=base", content(t, only(t, resolve(t, registry.Host()+"/base:v1", options("1")...)), "/etc/os-release"))
	require.Equal(t, size, registry.Bytes(digest.String()))

	registry.Forget()
	app := only(t, resolve(t, registry.Host()+"/app:v1", options("1")...))
	require.Equal(t, "ID=base", content(t, app, "/etc/os-release"))
	require.Equal(t, []string{"/app", "/etc", "/etc/os-release"}, paths(t, app))
	require.Zero(t, registry.Count(digest.String()))
	ownDigest, err := own.Digest()
	require.NoError(t, err)
	require.Equal(t, 1, registry.Count(ownDigest.String()))

	require.Equal(t, "app", content(t, only(t, resolve(t, registry.Host()+"/app:v1", options("2")...)), "/app"))
	require.Equal(t, 1, registry.Count(digest.String()), "other rules keep other content")
}

// Images that are read side by side read a layer that they share once.
func TestSharedLayersAreReadOnce(t *testing.T) {
	t.Parallel()
	base := gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/base", Content: strings.Repeat("x", 100_000)})
	registry := gatetest.NewRegistry(t)
	images := images(t, image.WithMemory(store.NewScratch(1<<20)), image.WithLayers("1"))
	var group sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		own := gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/" + name})
		registry.Push(name+":v1", gatetest.Image(t, v1.ConfigFile{}, base, own))
		group.Go(func() {
			subject, err := images.Resolve(t.Context(), registry.Host()+"/"+name+":v1")
			if err != nil {
				t.Error(err)
				return
			}
			platforms, err := subject.Platforms(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			files, err := platforms[0].Files(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			_ = files.Close()
		})
	}
	group.Wait()
	digest, err := base.Digest()
	require.NoError(t, err)
	require.Equal(t, 1, registry.Count(digest.String()))
}

// A manifest that pairs another blob with a known diff id gains nothing from it.
func TestKnownDiffIDWithAnotherBlob(t *testing.T) {
	t.Parallel()
	good := gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/good", Content: "good"})
	evil := gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/evil", Content: "evil"})
	diffID, err := good.DiffID()
	require.NoError(t, err)
	registry := gatetest.NewRegistry(t)
	registry.Push("good:v1", gatetest.Image(t, v1.ConfigFile{}, good))
	registry.Push("evil:v1", gatetest.Image(t, v1.ConfigFile{}, pretending{evil, diffID}))
	options := []image.Option{image.WithMemory(store.NewScratch(1 << 20)), image.WithLayers("1")}
	require.Equal(t, []string{"/good"}, paths(t, only(t, resolve(t, registry.Host()+"/good:v1", options...))))
	_, err = only(t, resolve(t, registry.Host()+"/evil:v1", options...)).Files(t.Context())
	require.ErrorContains(t, err, "diff id")
}

// pretending is a layer under the diff id of another one.
type pretending struct {
	v1.Layer

	diffID v1.Hash
}

func (p pretending) DiffID() (v1.Hash, error) { return p.diffID, nil }

// What was left out is read again where it is wanted.
func TestAgain(t *testing.T) {
	t.Parallel()
	registry, reference := layerOf(t, gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/program", Content: "program"}))
	first := func(string, []byte) ([]sbom.Range, bool) { return []sbom.Range{{Offset: 0, Length: 1}}, true }
	options := []image.Option{image.WithMemory(store.NewScratch(1 << 20)), image.WithLayers("1"), image.WithRules(filetree.Rules{
		Keep: func(string, []byte, int64) bool { return true }, Condense: first,
	})}
	const remains = "p\x00\x00\x00\x00\x00\x00"
	require.Equal(t, remains, content(t, only(t, resolve(t, reference, options...)), "/program"))
	registry.Forget()
	platform := only(t, resolve(t, reference, options...))
	require.Equal(t, remains, content(t, platform, "/program"), "from memory")
	files, err := platform.Files(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, files.Close()) }()
	again, err := files.(gate.Rereadable).Again(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, again.Close()) }()
	file, _ := again.Lookup("/program")
	opened, err := again.Open(file)
	require.NoError(t, err)
	whole := make([]byte, 7)
	_, err = opened.ReadAt(whole, 0)
	require.NoError(t, err)
	require.Equal(t, "program", string(whole))
}
