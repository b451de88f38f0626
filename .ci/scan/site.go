package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// site is a registry on loopback with images whose verdicts are known.
type site struct {
	host     string
	server   *httptest.Server
	expected map[string]bool // allowed, by digest
	requests atomic.Int64    // for manifests by digest
}

// newSite serves images, with a pause before each answer about one.
func newSite(pause time.Duration, images int) (*site, error) {
	s := &site{expected: map[string]bool{}}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true))
	var open atomic.Bool
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if open.Load() && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/manifests/sha256:") {
			s.requests.Add(1)
			time.Sleep(pause)
		}
		inner.ServeHTTP(w, r)
	}))
	s.host = s.server.Listener.Addr().(*net.TCPAddr).String()
	random := rand.New(rand.NewPCG(1, 1))
	for i := range images {
		allowed := i%3 != 0
		image, err := madeImage(random, i, allowed)
		if err != nil {
			return nil, err
		}
		ref, err := name.ParseReference(fmt.Sprintf("%s/team-%d/app:v%d", s.host, i%40, i))
		if err != nil {
			return nil, err
		}
		if err := remote.Write(ref, image); err != nil {
			return nil, err
		}
		digest, err := image.Digest()
		if err != nil {
			return nil, err
		}
		s.expected[digest.String()] = allowed
	}
	open.Store(true)
	return s, nil
}

func (s *site) close()     { s.server.Close() }
func (s *site) asked() int { return int(s.requests.Load()) }

// madeImage has a base that every twentieth shares, and a layer of its own.
func madeImage(random *rand.Rand, i int, allowed bool) (v1.Image, error) {
	base, err := layer(rand.New(rand.NewPCG(uint64(i%20), 0)), fmt.Sprint("base ", i%20), 64<<10)
	if err != nil {
		return nil, err
	}
	own, err := layer(random, fmt.Sprint("app ", i), 4<<10)
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if image, err = mutate.AppendLayers(image, base, own); err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", "amd64"
	file.Config.User = "10001:10001"
	if !allowed {
		file.Config.User = "0"
	}
	return mutate.ConfigFile(image, file)
}

// layer has the files that say what a distribution is, and one of chance.
func layer(random *rand.Rand, name string, size int) (v1.Layer, error) {
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(random.Uint32())
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []struct{ path, content string }{
		{"etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"},
		{"var/lib/dpkg/status", "Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.4+deb12u12\n"},
		{"srv/" + strings.ReplaceAll(name, " ", "-"), string(content)},
	} {
		if err := w.WriteHeader(&tar.Header{Name: f.path, Mode: 0o644, Size: int64(len(f.content)), Typeflag: tar.TypeReg}); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(w, f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return static.NewLayer(b.Bytes(), types.OCIUncompressedLayer), nil
}
