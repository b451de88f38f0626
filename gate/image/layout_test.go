package image_test

import (
	"archive/tar"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/image"
)

// layoutWith is an OCI layout on disk; add puts things into it.
func layoutWith(t *testing.T, add func(layout.Path)) string {
	t.Helper()
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	require.NoError(t, err)
	add(path)
	return dir
}

func named(name string) layout.Option {
	return layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": name})
}

func kind(kind string) layout.Option {
	return layout.WithAnnotations(map[string]string{"kind": "dev.cosignproject.cosign/" + kind})
}

// packed is a tar archive of a directory.
func packed(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "archive.tar")
	file, err := os.Create(name)
	require.NoError(t, err)
	w := tar.NewWriter(file)
	require.NoError(t, w.AddFS(os.DirFS(dir)))
	require.NoError(t, w.Close())
	require.NoError(t, file.Close())
	return name
}

func TestLayoutsAndArchives(t *testing.T) {
	t.Parallel()
	small := gatetest.SmallImage(t)
	other := gatetest.WithConfig(t, small, func(c *configFile) { c.Config.User = "0" })
	digest, err := small.Digest()
	require.NoError(t, err)
	dir := layoutWith(t, func(l layout.Path) {
		require.NoError(t, l.AppendImage(small, named("v1")))
		require.NoError(t, l.AppendImage(other, named("example.com/app:v2")))
	})
	for _, place := range []string{"oci:" + dir, "oci-archive:" + packed(t, dir)} {
		for _, which := range []string{":v1", "@" + digest.String()} {
			subject := resolve(t, place+which)
			require.Equal(t, digest.String(), subject.Digest())
			require.Contains(t, paths(t, only(t, subject)), "/app")
		}
		require.NotEqual(t, digest.String(), resolve(t, place+":v2").Digest())
		_, err := images(t).Resolve(t.Context(), place)
		requireFailure(t, err, "holds 2 images", "name one of: v1, example.com/app:v2", false)
		_, err = images(t).Resolve(t.Context(), place+":v3")
		requireFailure(t, err, `0 images named "v3"`, "name one of", false)
	}
}

func TestAttachmentsOfALayout(t *testing.T) {
	t.Parallel()
	small := gatetest.SmallImage(t)
	digest, err := small.Digest()
	require.NoError(t, err)
	about := gatetest.DescriptorOf(t, small)
	signature := gatetest.Artifact(t, nil, gatetest.Blob([]byte("signature"), simpleSigning))
	attestation := gatetest.Artifact(t, nil, gatetest.Blob([]byte("attestation"), dsse))
	referrer := gatetest.Artifact(t, &about, gatetest.Blob([]byte("bundle"), bundle))
	for name, add := range map[string]func(layout.Path){
		"cosign save": func(l layout.Path) {
			require.NoError(t, l.AppendImage(small, kind("image")))
			require.NoError(t, l.AppendImage(signature, kind("sigs")))
			require.NoError(t, l.AppendImage(attestation, kind("atts")))
			require.NoError(t, l.AppendImage(referrer))
		},
		"tags": func(l layout.Path) {
			require.NoError(t, l.AppendImage(small, named("v1")))
			require.NoError(t, l.AppendImage(signature, named(gatetest.BesideTag(digest, ".sig"))))
			require.NoError(t, l.AppendImage(attestation, named("example.com/app:"+gatetest.BesideTag(digest, ".att"))))
			require.NoError(t, l.AppendIndex(gatetest.Index(t, referrer), named(gatetest.BesideTag(digest, ""))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := layoutWith(t, add)
			for _, place := range []string{"oci:" + dir, "oci-archive:" + packed(t, dir)} {
				attachments, err := resolve(t, place+"@"+digest.String()).Attachments(t.Context(), digest.String())
				require.NoError(t, err)
				require.Equal(t, map[string]string{
					"layout " + simpleSigning: "signature", "layout " + dsse: "attestation", "layout " + bundle: "bundle",
				}, payloads(attachments))
			}
		})
	}
}

func TestLayoutsThatAreNone(t *testing.T) {
	t.Parallel()
	good := layoutWith(t, func(l layout.Path) { require.NoError(t, l.AppendImage(gatetest.SmallImage(t))) })
	write := func(name, content string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
		}
	}
	for name, test := range map[string]struct {
		spoil   func(*testing.T, string)
		message string
		remedy  string
	}{
		"no marker": {func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.Remove(filepath.Join(dir, "oci-layout")))
		}, "no OCI layout", "docker-archive"},
		"unknown version": {write("oci-layout", `{"imageLayoutVersion":"9"}`), `version "9"`, ""},
		"index no JSON":   {write("index.json", `{`), "index.json", ""},
		"empty index":     {write("index.json", `{"schemaVersion":2,"manifests":[]}`), "holds 0 images", "by its digest"},
		"blobs gone": {func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "blobs")))
		}, "does not hold", "copy the image again"},
		"blobs changed": {changeBlobs, "has not the digest", "push the image again"},
		"leads out":     {linkOut, "escapes", ""},
		"a directory": {func(t *testing.T, dir string) {
			t.Helper()
			require.NoError(t, os.Remove(filepath.Join(dir, "oci-layout")))
			require.NoError(t, os.Mkdir(filepath.Join(dir, "oci-layout"), 0o700))
		}, "no regular file", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(good)))
			test.spoil(t, dir)
			_, err := images(t).Resolve(t.Context(), "oci:"+dir)
			requireFailure(t, err, test.message, test.remedy, false)
		})
	}
	_, err := images(t).Resolve(t.Context(), "oci:"+good+"/oci-layout")
	requireFailure(t, err, "is no directory", "oci-archive", false)
	_, err = images(t).Resolve(t.Context(), "oci:"+good+"/nothing")
	requireFailure(t, err, "does not exist", "check the path", false)
}

func eachBlob(t *testing.T, dir string, do func(path string)) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(filepath.Join(dir, "blobs"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			do(path)
		}
		return err
	}))
}

func changeBlobs(t *testing.T, dir string) {
	t.Helper()
	eachBlob(t, dir, func(path string) { require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600)) })
}

func linkOut(t *testing.T, dir string) {
	t.Helper()
	outside := t.TempDir()
	eachBlob(t, dir, func(path string) {
		target := filepath.Join(outside, filepath.Base(path))
		require.NoError(t, os.Rename(path, target))
		require.NoError(t, os.Symlink(target, path))
	})
}

func TestArchivesThatAreNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	marker := gatetest.Entry{Path: "oci-layout", Content: `{"imageLayoutVersion":"1.0.0"}`}
	for reference, message := range map[string]string{
		"oci-archive:" + file("text", []byte(strings.Repeat("no tar ", 500))):                                         "no tar archive",
		"oci-archive:" + file("gz", []byte("\x1f\x8b\x08")):                                                           "packed with gzip",
		"oci-archive:" + file("empty.tar", gatetest.Tar(t)):                                                           "no OCI layout",
		"oci-archive:" + file("twice.tar", gatetest.Tar(t, marker, marker)):                                           "holds oci-layout twice",
		"oci-archive:" + file("loop.tar", gatetest.Tar(t, gatetest.Entry{Path: "oci-layout", Symlink: "oci-layout"})): "no OCI layout",
		"oci-archive:" + file("cut.tar", gatetest.Tar(t, marker)[:520]):                                               "damaged",
		"docker-archive:" + file("no.tar", gatetest.Tar(t, marker)):                                                   "no archive of `docker save`",
		"docker-archive:" + file("bad.tar", gatetest.Tar(t, gatetest.Entry{Path: "manifest.json", Content: "{"})):     "manifest.json",
		"docker-archive:" + file("none.tar", gatetest.Tar(t, gatetest.Entry{Path: "manifest.json", Content: "[]"})):   "holds 0 images",
		"oci-archive:" + dir:                "is a directory",
		"oci-archive:" + dir + "/not-there": "does not exist",
	} {
		_, err := images(t).Resolve(t.Context(), reference)
		require.ErrorContains(t, err, message, reference)
		var failure *image.Error
		require.ErrorAs(t, err, &failure)
		require.False(t, failure.Transient(), "%v", err)
	}
	_, err := images(t, image.WithLimits(image.Limits{ArchiveEntries: 1})).Resolve(t.Context(), "oci-archive:"+filepath.Join(dir, "twice.tar"))
	requireFailure(t, err, "ArchiveEntries", "raise the limit", false)
}

func TestPlatformsOfALayout(t *testing.T) {
	t.Parallel()
	dir := layoutWith(t, func(l layout.Path) {
		require.NoError(t, l.AppendIndex(gatetest.Index(t, imageFor(t, "linux", "amd64", ""), imageFor(t, "linux", "arm64", ""))))
	})
	platforms, err := resolve(t, "oci:"+dir).Platforms(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"linux/amd64", "linux/arm64"}, names(platforms))
	require.Equal(t, []string{"/arm64"}, paths(t, platforms[1]))
}
