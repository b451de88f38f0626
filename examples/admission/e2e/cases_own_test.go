//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
)

// ownImage asks the gate about its own image: what the Dockerfile says, put together
// without a daemon. The policy is no milder for it.
func ownImage(g *group) {
	s := g.scene
	program, err := os.ReadFile(s.gate.imagegate)
	require.NoError(g, err)
	image := gatetest.Image(g.T, dockerfile(g),
		gatetest.Layer(g.T, gatetest.Gzip, gatetest.Files(map[string]string{"etc/ssl/certs/ca-certificates.crt": "authorities\n"})...),
		gatetest.Layer(g.T, gatetest.Gzip, gatetest.Files(map[string]string{"imagegate": string(program)})...))
	size, err := image.Size()
	require.NoError(g, err)
	digest := s.images.Push("imagegate:1", image)
	s.images.sign(g.T, "imagegate:1", v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: digest, Size: size}, s.images.release)
	s.images.digests["imagegate"] = digest.String()
	g.holds("the gate's own image, by the same policy", "admitted", eventually(2*time.Minute, func() error {
		return s.kubectlError(s.run(s.images.ref("imagegate"), "--dry-run=server"))
	}))
}

// dockerfile is the configuration that the last stage of the Dockerfile gives.
func dockerfile(g *group) v1.ConfigFile {
	g.Helper()
	text, err := os.ReadFile(filepath.Join("..", "Dockerfile"))
	require.NoError(g, err)
	_, stage, found := strings.Cut(string(text), "\nFROM scratch\n")
	require.True(g, found)
	var config v1.Config
	copied := 0
	for line := range strings.Lines(stage) {
		switch instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " "); instruction {
		case "COPY":
			copied++
		case "USER":
			config.User = rest
		case "ENTRYPOINT":
			require.NoError(g, json.Unmarshal([]byte(rest), &config.Entrypoint))
		default:
			g.Fatalf("the Dockerfile says more than this test knows: %s", line)
		}
	}
	require.Equal(g, 2, copied)
	return v1.ConfigFile{Config: config}
}
