//go:build e2e

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// programs are the paths of what is run.
type programs struct {
	apiserver, etcd, kubectl, imagegate string
	kubernetes                          string // version
}

// buildPrograms builds what is run. The control plane takes ten minutes on two cores
// the first time, and is then kept in the user's cache under what go.sum says.
func buildPrograms(t *testing.T) programs {
	t.Helper()
	p := programs{
		imagegate:  filepath.Join(t.TempDir(), "imagegate"),
		kubernetes: run(t, "controlplane", "go", "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"),
	}
	// As the Dockerfile does: what runs here is what is in the gate's own image.
	run(t, filepath.Join("..", "..", ".."), "env", "CGO_ENABLED=0", "go", "build", "-trimpath", "-ldflags=-s -w", "-o", p.imagegate, "./cmd/imagegate")
	folder := controlPlane(t, p.kubernetes)
	p.apiserver, p.kubectl, p.etcd = filepath.Join(folder, "kube-apiserver"), filepath.Join(folder, "kubectl"), filepath.Join(folder, "server")
	return p
}

// controlPlane is the folder with the programs of the module controlplane.
func controlPlane(t *testing.T, kubernetes string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	sum := sha256.New()
	for _, file := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join("controlplane", file))
		require.NoError(t, err)
		sum.Write(content)
	}
	folder := filepath.Join(cache, "imagegate-e2e", kubernetes+"-"+runtime.Version()+"-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	if _, err := os.Stat(folder); err == nil {
		return folder
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(folder), 0o755))
	building, err := os.MkdirTemp(filepath.Dir(folder), "building-")
	require.NoError(t, err)
	defer func() { _ = os.RemoveAll(building) }()

	t.Logf("building kube-apiserver, kubectl and etcd of Kubernetes %s: about ten minutes, once", kubernetes)
	began := time.Now()
	const version = "k8s.io/component-base/version"
	parts := strings.SplitN(strings.TrimPrefix(kubernetes, "v"), ".", 3)
	flags := fmt.Sprintf("-s -w -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s", version, kubernetes, parts[0], parts[1])
	run(t, "controlplane", "go", "build", "-trimpath", "-ldflags="+flags, "-o", building+string(filepath.Separator),
		"k8s.io/kubernetes/cmd/kube-apiserver", "k8s.io/kubernetes/cmd/kubectl", "go.etcd.io/etcd/server/v3")
	t.Logf("built in %s", time.Since(began).Round(time.Second))
	require.NoError(t, os.Chmod(building, 0o755))
	require.NoError(t, os.Rename(building, folder)) // whole or not at all
	return folder
}

// run runs a command in a folder and returns what it prints.
func run(t *testing.T, folder, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = folder
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s %v\n%s", name, args, &stderr)
	return strings.TrimSpace(string(out))
}
