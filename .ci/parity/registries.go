package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// site is a registry on loopback.
type site struct {
	name string
	host string
	stop func()
}

// startRegistry starts the registry of go-containerregistry, with the referrers
// API of OCI 1.1 or without.
func startRegistry(referrers bool) (*site, error) {
	server := httptest.NewServer(registry.New(
		registry.Logger(log.New(io.Discard, "", 0)),
		registry.WithReferrersSupport(referrers),
	))
	kind := "referrers"
	if !referrers {
		kind = "no-referrers"
	}
	return &site{name: kind, host: server.Listener.Addr().String(), stop: server.Close}, nil
}

// startDistribution starts Debian's docker-registry, unpacked and never installed,
// with a configuration and a folder of its own.
func (l *lab) startDistribution(ctx context.Context) (*site, error) {
	root, err := l.unpacked(ctx, "docker-registry")
	if err != nil {
		return nil, err
	}
	host, err := freePort()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(l.work, "distribution.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %q}, delete: {enabled: true}}\nhttp: {addr: %q}\n",
		filepath.Join(l.work, "distribution"), host)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, "usr", "bin", "docker-registry"), "serve", config)
	cmd.Env = []string{"OTEL_TRACES_EXPORTER=none"}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting docker-registry: %w", err)
	}
	s := &site{name: "docker-registry", host: host, stop: func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}}
	if err := s.wait(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// wait waits until the registry answers.
func (s *site) wait(ctx context.Context) error {
	for range 100 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.host+"/v2/", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			return response.Body.Close()
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("%s does not answer at %s", s.name, s.host)
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
