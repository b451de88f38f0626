package catalog_test

import (
	"bytes"
	"debug/elf"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/filetree"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/catalog"
)

func TestCondense(t *testing.T) {
	t.Parallel()
	whole := gatetest.Library("")
	for _, path := range []string{"/usr/bin/gold", "/usr/bin/go_", "/usr/lib/libruby.so.3", "/app"} {
		_, ok := catalog.Condense(path, []byte(whole))
		require.Equal(t, path != "/usr/bin/go_", ok, path)
	}
	parts, ok := catalog.Condense("/usr/lib/libx.so.1", []byte(whole))
	require.True(t, ok)
	kept := make([]byte, len(whole))
	total := int64(0)
	for _, p := range parts {
		copy(kept[p.Offset:], whole[p.Offset:p.Offset+p.Length])
		total += p.Length
	}
	require.Less(t, total, int64(6<<10))
	parsed, err := elf.NewFile(bytes.NewReader(kept))
	require.NoError(t, err)
	require.NotNil(t, parsed.Section(".text"), "it is parsed as before")

	for name, test := range map[string]struct{ path, content string }{
		"wanted by name":     {"/usr/bin/python3.11", gatetest.Library("")},
		"of PHP":             {"/usr/lib/php/20220829/curl.so", gatetest.Library("")},
		"ruby":               {"/usr/bin/ruby3.1", gatetest.Library("")},
		"gcc":                {"/usr/bin/x86_64-linux-gnu-gcc-12", gatetest.Library("")},
		"mysqld":             {"/usr/sbin/mariadbd", gatetest.Library("")},
		"Go program":         {"/app", gatetest.Library("\xff Go buildinf:")},
		"audited Rust":       {"/app", gatetest.Library(".dep-v0")},
		"describes itself":   {"/app", gatetest.Library(".note.package")},
		"native image":       {"/app", gatetest.Library("sbom_length")},
		"packed":             {"/app", gatetest.Library("UPX!")},
		"bundle of .NET":     {"/app", gatetest.Library("\x8b\x12\x02\xb9\x6a\x61\x20\x38\x72\x7b\x93")},
		"no program":         {"/app", strings.Repeat("text", 1000)},
		"cut":                {"/app", whole[:len(whole)-1]},
		"without sections":   {"/app", gatetest.Program()},
		"other byte order":   {"/app", whole[:5] + "\x02" + whole[6:]},
		"unknown class":      {"/app", whole[:4] + "\x07" + whole[5:]},
		"nothing":            {"/app", ""},
		"sections elsewhere": {"/app", whole[:40] + "\xff\xff\xff\xff\xff\xff\xff\xff" + whole[48:]},
	} {
		_, ok := catalog.Condense(test.path, []byte(test.content))
		require.False(t, ok, name)
	}
}

// remembered is the tree of an image whose layers were remembered.
func remembered(t testing.TB, image v1.Image) *filetree.Tree {
	t.Helper()
	layers, err := image.Layers()
	require.NoError(t, err)
	before, after := filetree.NewStore(filetree.Limits{}), filetree.NewStore(filetree.Limits{})
	var all []*filetree.Layer
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		require.NoError(t, err)
		diffID, err := layer.DiffID()
		require.NoError(t, err)
		read, err := before.ReadLayer(t.Context(), diffID.String(), content, filetree.Rules{Keep: catalog.Wants, Condense: catalog.Condense})
		require.NoError(t, err)
		var encoded bytes.Buffer
		require.NoError(t, read.Encode(&encoded))
		decoded, err := after.DecodeLayer(diffID.String(), &encoded)
		require.NoError(t, err)
		all = append(all, decoded)
	}
	tree, err := after.Merge(t.Context(), all)
	require.NoError(t, err)
	require.NoError(t, after.Close())
	require.NoError(t, before.Close())
	t.Cleanup(func() { _ = tree.Close() })
	return tree
}

// A document of remembered layers is that of the layers.
func TestRememberedLayersGiveTheSameDocument(t *testing.T) {
	t.Parallel()
	programs := []gatetest.Entry{
		{Path: "/usr/lib/libx.so.1", Content: gatetest.Library("")}, {Path: "/usr/lib/liby.so", Content: gatetest.Library("y")},
		{Path: "/usr/bin/program", Content: gatetest.Library("p"), Mode: 0o755}, {Path: "/lib64/ld-linux-x86-64.so.2", Content: gatetest.Library("l")},
	}
	for name, image := range map[string]v1.Image{
		"debian": layered(t, debian(), programs), "languages": layered(t, languages(t), programs), "alpine": layered(t, programs, alpine()),
		"no distribution": layered(t, programs),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := catalog.New().Catalog(t.Context(), describe(t, image), newTree(t, image, catalog.Wants))
			require.NoError(t, err)
			got, err := catalog.New().Catalog(t.Context(), describe(t, image), remembered(t, image))
			require.NoError(t, err)
			require.Equal(t, want.Packages, got.Packages)
			require.Equal(t, want.Gaps, got.Gaps)
			require.Equal(t, identities(catalog.Engine(want)), identities(catalog.Engine(got)))
		})
	}
}

// A program that is asked for by a name which a link gives it is not there any more.
func TestRemainsUnderAWantedName(t *testing.T) {
	t.Parallel()
	image := layered(t, []gatetest.Entry{{Path: "/opt/tool", Content: gatetest.Library(""), Mode: 0o755}}, []gatetest.Entry{symlink("/usr/bin/node", "/opt/tool")})
	_, err := catalog.New().Catalog(t.Context(), describe(t, image), newTree(t, image, catalog.Wants))
	require.NoError(t, err)
	_, err = catalog.New().Catalog(t.Context(), describe(t, image), remembered(t, image))
	require.ErrorIs(t, err, sbom.ErrNotKept)
}
