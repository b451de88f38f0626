package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// distribution is Debian's docker-registry on loopback, as a process.
type distribution struct {
	host   string
	folder string // of its storage
	config string
	cmd    *exec.Cmd
}

// newDistribution starts one that stores under out.
func newDistribution(ctx context.Context, out string) (*distribution, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	d := &distribution{host: fmt.Sprintf("127.0.0.1:%d", ports[0]), folder: filepath.Join(out, "registry"), config: filepath.Join(out, "registry.yml")}
	text := fmt.Sprintf("version: 0.1\nlog: {accesslog: {disabled: true}, level: error}\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n", d.folder, d.host)
	if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return d, d.start(ctx)
}

// start starts it, again if need be, and waits until it answers.
func (d *distribution) start(ctx context.Context) error {
	path, err := exec.LookPath("docker-registry")
	if err != nil {
		return fmt.Errorf("%w: apt-get install docker-registry", err)
	}
	d.cmd = exec.CommandContext(ctx, path, "serve", d.config)
	d.cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	if err := d.cmd.Start(); err != nil {
		return err
	}
	for range 200 {
		if response, err := http.Get("http://" + d.host + "/v2/"); err == nil {
			return response.Body.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.kill()
	return errors.New("docker-registry does not answer")
}

// kill is kill -9.
func (d *distribution) kill() {
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait() // killed
}

// blob is the file of a blob in its storage (distribution's path.go).
func (d *distribution) blob(digest v1.Hash) string {
	return filepath.Join(d.folder, "docker", "registry", "v2", "blobs", digest.Algorithm, digest.Hex[:2], digest.Hex, "data")
}

// truncateLayer leaves half of a layer, as a disk does that was full.
func truncateLayer(d *distribution, s *stocked, m made) error {
	digest, err := m.own.Digest()
	if err != nil {
		return err
	}
	s.layers[digest.String()] /= 2
	s.torn[digest.String()] = true
	return os.Truncate(d.blob(digest), s.layers[digest.String()])
}

// removeLayer takes a layer away, as a garbage collection does that went wrong.
func removeLayer(d *distribution, s *stocked, m made) error {
	digest, err := m.own.Digest()
	if err != nil {
		return err
	}
	delete(s.layers, digest.String())
	return os.Remove(d.blob(digest))
}

// spoilManifest makes a manifest that none is.
func spoilManifest(d *distribution, s *stocked, m made) error {
	manifest, ok := m.taggable.(interface{ Digest() (v1.Hash, error) })
	if !ok {
		return errors.New("it has no digest")
	}
	digest, err := manifest.Digest()
	if err != nil {
		return err
	}
	own, err := m.own.Digest()
	if err != nil {
		return err
	}
	delete(s.layers, own.String()) // nobody gets as far as that
	return os.WriteFile(d.blob(digest), []byte(`{"schemaVersion": 2, "layers": [{`), 0o600)
}

// removeChild takes a platform away from under its index.
func removeChild(d *distribution, s *stocked, m made) error {
	digest, err := m.child.Digest()
	if err != nil {
		return err
	}
	layers, err := m.child.Layers()
	if err != nil {
		return err
	}
	own, err := layers[len(layers)-1].Digest()
	if err != nil {
		return err
	}
	delete(s.layers, own.String())
	return os.Remove(d.blob(digest))
}
