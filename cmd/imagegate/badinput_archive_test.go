package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
)

func badArchives() []badInput {
	archive := func(entries func(*scene) []gatetest.Entry) func(*scene) {
		return func(s *scene) {
			s.reference = "docker-archive:" + s.file("image.tar", gatetest.Tar(s.t, entries(s)...))
		}
	}
	of := func(entries ...gatetest.Entry) func(*scene) {
		return archive(func(*scene) []gatetest.Entry { return entries })
	}
	return []badInput{
		{"layout, for comparison", func(s *scene) { s.layout() }, policy.Allow, "", 0},
		{"layout whose blobs are links to files of this machine", func(s *scene) {
			dir := s.layout()
			s.eachBlob(dir, func(path string) {
				require.NoError(s.t, os.Rename(path, s.dir+"/"+filepath.Base(path)))
				require.NoError(s.t, os.Symlink(s.dir+"/"+filepath.Base(path), path))
			})
		}, policy.NotDecidable, "escapes", 0},
		{"layout whose index is a link to a file of this machine", func(s *scene) {
			dir := s.layout()
			require.NoError(s.t, os.Remove(filepath.Join(dir, "index.json")))
			require.NoError(s.t, os.Symlink(filepath.Join(s.dir, "canary"), filepath.Join(dir, "index.json")))
		}, policy.NotDecidable, "escapes", 0},
		{"layout whose blobs were changed", func(s *scene) {
			s.eachBlob(s.layout(), func(path string) { require.NoError(s.t, os.WriteFile(path, []byte("{}"), 0o600)) })
		}, policy.NotDecidable, "has not the digest", 0},
		{"layout that is cut off", func(s *scene) {
			s.eachBlob(s.layout(), func(path string) { require.NoError(s.t, os.Truncate(path, 10)) })
		}, policy.NotDecidable, "", 0},
		{"archive that is no archive", func(s *scene) {
			s.reference = "oci-archive:" + s.file("image.tar", []byte(strings.Repeat("no tar ", 500)))
		}, policy.NotDecidable, "no tar archive", 0},
		{"archive that is endless", func(s *scene) { s.reference = "docker-archive:/dev/zero" }, policy.NotDecidable, "no regular file", 0},
		{"archive that is a folder", func(s *scene) { s.reference = "docker-archive:" + s.dir }, policy.NotDecidable, "is a directory", 0},
		{"archive whose config is a link to a file of this machine", archive(func(s *scene) []gatetest.Entry {
			return []gatetest.Entry{
				{Path: "manifest.json", Content: `[{"Config":"config.json","Layers":[]}]`},
				{Path: "config.json", Symlink: "../../../../../../.." + filepath.Join(s.dir, "canary")},
			}
		}), policy.NotDecidable, "", 0},
		{"archive whose manifest names a file of this machine", archive(func(s *scene) []gatetest.Entry {
			manifest, err := json.Marshal(tarball.Manifest{{Config: filepath.Join(s.dir, "canary"), Layers: []string{"/etc/passwd"}}})
			require.NoError(s.t, err)
			return []gatetest.Entry{{Path: "manifest.json", Content: string(manifest)}}
		}), policy.NotDecidable, "", 0},
		{"archive whose manifest is a loop of links", of(gatetest.Entry{Path: "manifest.json", Symlink: "manifest.json"}), policy.NotDecidable, "manifest.json", 0},
		{"archive with two manifests", of(gatetest.Entry{Path: "manifest.json", Content: "[]"}, gatetest.Entry{Path: "./manifest.json", Content: "[]"}),
			policy.NotDecidable, "twice", 0},
		{"archive whose manifest is 90 MiB", of(gatetest.Entry{Path: "manifest.json", Content: strings.Repeat("[", 90<<20)}), policy.NotDecidable, "ManifestBytes", 64 << 20},
		{"archive with a gzip bomb for a layer", archive(func(s *scene) []gatetest.Entry {
			return []gatetest.Entry{
				{Path: "manifest.json", Content: `[{"Config":"config.json","Layers":["layer.tar"]}]`},
				{Path: "config.json", Content: `{"os":"linux","architecture":"amd64","config":{"User":"10001:10001"},"rootfs":{"type":"layers","diff_ids":["` + noDiffID.String() + `"]}}`},
				{Path: "layer.tar", Content: string(bomb(s.t, 10<<30))},
			}
		}), policy.NotDecidable, "Ratio", 0},
		{"file that does not exist", func(s *scene) { s.reference = "oci:" + s.dir + "/nowhere" }, policy.NotDecidable, "does not exist", 0},
		{"engine that is not there", func(s *scene) {
			s.t.Setenv("DOCKER_HOST", "unix://"+s.dir+"/no.sock")
			s.reference = "docker-daemon:app:v1"
		}, policy.NotDecidable, "no Docker engine", 0},
	}
}

// layout writes the good image as an OCI layout, which is then what is judged.
func (s *scene) layout() string {
	s.t.Helper()
	dir := filepath.Join(s.dir, "layout")
	path, err := layout.Write(dir, empty.Index)
	require.NoError(s.t, err)
	require.NoError(s.t, path.AppendImage(namedImage(s.t, "good")))
	s.reference = "oci:" + dir
	return dir
}

func (s *scene) eachBlob(dir string, do func(path string)) {
	s.t.Helper()
	blobs, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	require.NoError(s.t, err)
	require.NotEmpty(s.t, blobs)
	for _, path := range blobs {
		do(path)
	}
}
