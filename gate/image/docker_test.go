package image_test

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/image"
)

// dockerSave is an archive as a Docker engine writes it: layers uncompressed, one
// that occurs twice as a link to the first.
func dockerSave(t *testing.T) []byte {
	t.Helper()
	base := gatetest.Tar(t, gatetest.Entry{Path: "/app", Content: "\x7fELF", Mode: 0o755})
	top := gatetest.Tar(t, gatetest.Entry{Path: "/etc/motd", Content: "hello"})
	built := gatetest.Image(t, v1.ConfigFile{Config: v1.Config{User: "1000"}},
		gatetest.LayerOf(t, gatetest.Uncompressed, base), gatetest.LayerOf(t, gatetest.Uncompressed, top), gatetest.LayerOf(t, gatetest.Uncompressed, base))
	config, err := built.RawConfigFile()
	require.NoError(t, err)
	manifest, err := json.Marshal(tarball.Manifest{{
		Config: "config.json", RepoTags: []string{"app:v1"}, Layers: []string{"a/layer.tar", "b/layer.tar", "c/layer.tar"},
	}})
	require.NoError(t, err)
	return gatetest.Tar(t,
		gatetest.Entry{Path: "a/"}, gatetest.Entry{Path: "a/layer.tar", Content: string(base)},
		gatetest.Entry{Path: "b/layer.tar", Content: string(top)},
		gatetest.Entry{Path: "c/layer.tar", Symlink: "../a/layer.tar"},
		gatetest.Entry{Path: "config.json", Content: string(config)},
		gatetest.Entry{Path: "manifest.json", Content: string(manifest)},
	)
}

// craneArchive is an archive as crane writes it: layers compressed.
func craneArchive(t *testing.T) []byte {
	t.Helper()
	tag, err := name.NewTag("app:v1")
	require.NoError(t, err)
	var out bytes.Buffer
	built := gatetest.Image(t, v1.ConfigFile{Config: v1.Config{User: "1000"}},
		gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/app", Content: "\x7fELF"}),
		gatetest.Layer(t, gatetest.Gzip, gatetest.Entry{Path: "/etc/motd", Content: "hello"}))
	require.NoError(t, tarball.Write(tag, built, &out))
	return out.Bytes()
}

func TestDockerArchives(t *testing.T) {
	t.Parallel()
	for how, archive := range map[string][]byte{"docker save": dockerSave(t), "crane": craneArchive(t)} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "app.tar")
			require.NoError(t, os.WriteFile(path, archive, 0o600))
			theirs, err := tarball.ImageFromPath(path, nil)
			require.NoError(t, err)
			digest, err := theirs.Digest()
			require.NoError(t, err)

			for _, reference := range []string{"docker-archive:" + path, "docker-archive:" + path + ":app:v1"} {
				subject := resolve(t, reference)
				require.Equal(t, digest.String(), subject.Digest(), "the digest is the one that crane computes")
				require.Equal(t, "hello", content(t, only(t, subject), "/etc/motd"))
				attachments, err := subject.Attachments(t.Context(), subject.Digest())
				require.NoError(t, err)
				require.Empty(t, attachments)
			}
			_, err = images(t).Resolve(t.Context(), "docker-archive:"+path+":other")
			requireFailure(t, err, `none of them named "other"`, "app:v1", false)
		})
	}
}

func TestDockerArchiveThatLies(t *testing.T) {
	t.Parallel()
	archive := bytes.Replace(dockerSave(t), []byte("hello"), []byte("jello"), 1)
	path := filepath.Join(t.TempDir(), "app.tar")
	require.NoError(t, os.WriteFile(path, archive, 0o600))
	requireFailure(t, filesError(t, only(t, resolve(t, "docker-archive:"+path))), "has not the digest", "", false)
}

// engine answers as a Docker engine does, on a socket.
func engine(t *testing.T, handler http.HandlerFunc) image.Option {
	t.Helper()
	dir, err := os.MkdirTemp("", "engine") // t.TempDir may be too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(handler)
	require.NoError(t, server.Listener.Close())
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return image.WithDockerHost("unix://" + socket)
}

func TestDockerEngine(t *testing.T) {
	t.Parallel()
	archive := dockerSave(t)
	asked := make(chan string, 10)
	at := engine(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		_, _ = w.Write(archive)
	})
	subject := resolve(t, "docker-daemon:app:v1", at)
	require.Equal(t, "/images/app:v1/get", <-asked)
	require.Equal(t, "docker-daemon", subject.Reference().Transport)
	require.Equal(t, "hello", content(t, only(t, subject), "/etc/motd"))
	require.Empty(t, asked, "the engine is asked once")

	id := "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	require.Equal(t, subject.Digest(), resolve(t, "docker-daemon:"+id, at).Digest())
	require.Equal(t, "/images/"+id+"/get", <-asked)

	_, err := images(t, at, image.WithLimits(image.Limits{EngineBytes: 1000})).Resolve(t.Context(), "docker-daemon:app:v1")
	requireFailure(t, err, "EngineBytes", "raise the limit", false)
}

func TestDockerEnginesThatFail(t *testing.T) {
	t.Parallel()
	refusal := engine(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"message":"No such image: app:v1"}`))
	})
	broken := engine(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	for _, test := range []struct {
		at              image.Option
		message, remedy string
		transient       bool
	}{
		{refusal, "No such image", "docker image ls", false},
		{broken, "500", "", true},
		{image.WithDockerHost("unix:///nowhere/engine.sock"), "no Docker engine answers", "docker-archive", true},
		{image.WithDockerHost("tcp://192.0.2.1:2375"), "cannot be asked", "DOCKER_HOST", false},
		{image.WithDockerHost("ssh://host"), "cannot be asked", "DOCKER_HOST", false},
	} {
		_, err := images(t, test.at).Resolve(t.Context(), "docker-daemon:app:v1")
		requireFailure(t, err, test.message, test.remedy, test.transient)
	}
}
