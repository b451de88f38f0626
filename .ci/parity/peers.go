package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

// peer is a real command and the module that it is built from.
type peer struct {
	name, module, version string
}

// The versions are those of the libraries that imagegate is built with; cosign v3
// is there because what it signs has to be accepted, too.
var peers = []peer{
	{"syft", "github.com/anchore/syft/cmd/syft", "v1.57.0"},
	{"grype", "github.com/anchore/grype/cmd/grype", "v0.121.2"},
	{"crane", "github.com/google/go-containerregistry/cmd/crane", "v0.22.1"},
	{"cosign-v2", "github.com/sigstore/cosign/v2/cmd/cosign", "v2.6.5"},
	{"cosign-v3", "github.com/sigstore/cosign/v3/cmd/cosign", "v3.1.3"},
}

// installPeers builds the commands that are not there yet, each in a folder of its
// own, since two of them have one name.
func installPeers(ctx context.Context, l *lab) error {
	for _, p := range peers {
		folder := filepath.Join(l.out, "bin", p.name+"-"+p.version)
		l.peers[p.name] = filepath.Join(folder, path.Base(p.module))
		if _, err := os.Stat(l.peers[p.name]); err == nil {
			continue
		}
		fmt.Printf("installing %s %s\n", p.name, p.version)
		cmd := exec.CommandContext(ctx, "go", "install", p.module+"@"+p.version)
		cmd.Env = append(os.Environ(), "GOBIN="+folder, "GOFLAGS=")
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("installing %s %s: %w", p.module, p.version, err)
		}
	}
	return nil
}
