package target_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/scan/target"
)

func TestLines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push("app:1", day)
	w.push("app:2", day)
	text := "\ufeff# what we run\n\n  " + w.host + "/app:1  # the old one\r\noci:dir#1:x\n" + w.host + "/app:2\nno reference\n" + w.host + "/app"
	want := []string{"app:1", "oci:dir#1:x", "app:2", "no reference", "app:latest"}

	names, errs := w.list(target.Options{Stdin: strings.NewReader(text)}, "-")
	require.Empty(t, errs)
	require.Equal(t, want, names)

	path := filepath.Join(t.TempDir(), "images.txt")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	names, errs = w.list(target.Options{Parallel: 2}, "file:"+path)
	require.Empty(t, errs)
	require.Equal(t, want, names)
}

func TestLinesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		text   string
		limits target.Limits
		want   string
	}{
		"long":  {"oci:a\n" + strings.Repeat("x", 5000), target.Limits{}, "line 2: over the limit LineBytes of 4096"},
		"many":  {"oci:a\noci:b\noci:c\n", target.Limits{Lines: 2}, "over the limit Lines of 2"},
		"bytes": {"oci:a\n\x7fELF\x00\x01", target.Limits{}, "line 2 is no text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names, errs := w.list(target.Options{Stdin: strings.NewReader(c.text), Limits: c.limits}, "-")
			require.Equal(t, "oci:a", names[0], "what came before stays")
			require.Len(t, errs, 1)
			require.ErrorContains(t, errs[0], c.want)
		})
	}
	_, errs := w.list(target.Options{}, "file:"+filepath.Join(t.TempDir(), "missing"))
	require.ErrorContains(t, errs[0], "no such file")
}

func TestLayouts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, sub := range []string{"one", "deep/two"} {
		path, err := layout.Write(filepath.Join(dir, sub), empty.Index)
		require.NoError(t, err)
		image, err := random.Image(10, 1)
		require.NoError(t, err)
		require.NoError(t, path.AppendImage(image))
		require.NoError(t, path.AppendImage(image, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "again"})))
		beside, err := mutate.AppendLayers(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), static.NewLayer([]byte("x"), "application/vnd.dev.cosign.simplesigning.v1+json"))
		require.NoError(t, err)
		require.NoError(t, path.AppendImage(beside, layout.WithAnnotations(map[string]string{
			"org.opencontainers.image.ref.name": "sha256-" + strings.Repeat("a", 64) + ".sig"})))
	}
	hidden, err := layout.FromPath(filepath.Join(dir, "one"))
	require.NoError(t, err)
	runs, err := random.Image(10, 1)
	require.NoError(t, err)
	require.NoError(t, hidden.AppendImage(runs, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": "sha256-" + strings.Repeat("b", 64) + ".sig"})))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "broken"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "broken", "oci-layout"), []byte("{}"), 0o600))

	w := newWorld(t)
	names, errs := w.list(target.Options{}, "oci:"+dir, "oci:"+dir+"/one:again", "docker-archive:x.tar")
	require.Empty(t, errs)
	require.Len(t, names, 6)
	require.Equal(t, "oci:"+dir+"/broken", names[0], "the gate says what is wrong with it")
	require.True(t, strings.HasPrefix(names[1], "oci:"+dir+"/deep/two@sha256:"))
	require.True(t, strings.HasPrefix(names[2], "oci:"+dir+"/one@sha256:"))
	require.True(t, strings.HasPrefix(names[3], "oci:"+dir+"/one@sha256:"), "what runs is an image, whatever it is called")
	require.Equal(t, []string{"oci:" + dir + "/one:again", "docker-archive:x.tar"}, names[4:])

	_, errs = w.list(target.Options{}, "oci:"+t.TempDir())
	require.ErrorContains(t, errs[0], "no OCI layout")
}

func TestTargetsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"": "empty", "file:": "no path", "oci:": "no path", "**": "no registry", "*.example.com/app": "no registry",
		"registry.example.com/[a": "no glob", "registry.example.com/UPPER": "cannot be read", strings.Repeat("a", 5000): "too long",
		"registry.example.com/app:{a": "no glob",
	} {
		err := target.Check([]string{typed}, target.Tags{})
		require.ErrorContains(t, err, want, typed)
		require.ErrorAs(t, err, new(*target.UsageError))
	}
	for _, typed := range []string{"-", "cluster:", "cluster:prod", "localhost", "localhost:5000", "registry.example.com", "registry.example.com:443/a/**", "nginx", "nginx:1", "[::1]:5000"} {
		require.NoError(t, target.Check([]string{typed}, target.Tags{}), typed)
	}
	require.Error(t, target.Check(nil, target.Tags{Order: "size"}))
}

func FuzzCheck(f *testing.F) {
	for _, typed := range []string{"registry.example.com/**:v{1,2}", "file:x", "cluster:", "a@sha256:", "[::1]:5000/a", "-", "{{{{**"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		_ = target.Check([]string{typed}, target.Tags{})
	})
}
