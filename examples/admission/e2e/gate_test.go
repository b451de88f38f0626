//go:build e2e

package e2e

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server is imagegate serve, and the files that it is told to read.
type server struct {
	t         *testing.T
	imagegate string
	folder    string
	address   string
	probes    string
	args      []string
	ca        *authority
	process   *process
}

// policy says what may run; %s is what cases add.
const policy = `apiVersion: imagegate.dev/v1
kind: Policy
metadata: {name: e2e}
extends: restricted
signatures:
  transparencyLog: optional
  signers:
  - {name: release, key: {file: cosign.pub}}
%s`

// newServer writes what a gate needs and starts it.
func newServer(t *testing.T, p programs, i *images) *server {
	t.Helper()
	s := &server{t: t, imagegate: p.imagegate, folder: t.TempDir(), ca: newAuthority(t, "gate")}
	s.address, s.probes = "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	put(t, s.folder, "ca.pem", s.ca.pem)
	s.newCertificate()
	s.newClient()
	put(t, s.folder, "cosign.pub", i.release.PublicPEM())
	s.setPolicy("")
	s.buildDatabase("advisories", nil)
	run(t, s.folder, s.imagegate, "breakglass", "keygen", "oncall")
	s.args = []string{
		"--listen=" + s.address, "--probe-listen=" + s.probes,
		"--tls-cert=" + s.path("tls.pem"), "--tls-key=" + s.path("tls-key.pem"),
		"--client-ca=" + s.path("ca.pem"), "--client-name=kube-apiserver",
		"--policy=" + s.path("policy.yaml"), "--db=" + s.path("db"), "--offline",
		"--allow-registry=" + i.Host() + "/**", "--allow-private=127.0.0.1",
		"--exempt-namespace=imagegate-system", "--exempt-namespace=kube-system", "--exempt-namespace=exempt", "--keep-admitted",
		"--breakglass-key=" + s.path("oncall.pub"),
		// Shorter than anybody wants it, for tests that wait for it.
		"--reload-interval=100ms", "--keep-undecided=200ms", "--keep-tag=1s",
	}
	s.start()
	return s
}

func (s *server) path(name string) string { return filepath.Join(s.folder, name) }

func (s *server) start() {
	s.t.Helper()
	environment := []string{"IMAGEGATE_CACHE_DIR=" + s.path("cache"), "DOCKER_CONFIG=" + s.folder, "HOME=" + s.folder}
	s.process = start(s.t, s.folder, environment, s.imagegate, append([]string{"serve"}, s.args...)...)
	s.process.await(s.t, "is it ready?", s.ready)
}

func (s *server) kill() { s.process.stop(syscall.SIGKILL) }

func (s *server) ready() error { return answers(http.DefaultClient, "http://"+s.probes+"/readyz") }

// told waits until a page of the probes says something.
func (s *server) told(page, text string) error {
	return eventually(20*time.Second, func() error {
		response, err := http.Get("http://" + s.probes + page)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if err == nil && !strings.Contains(string(body), text) {
			err = fmt.Errorf("%s does not say %q but:\n%s", page, text, body)
		}
		return err
	})
}

// newCertificate gives the gate another certificate of the same authority.
func (s *server) newCertificate() *big.Int {
	certificate, key, number := s.ca.issue(s.t, "imagegate")
	// The key first: a certificate and a key that do not fit are not used, and the
	// pair is whole a moment later.
	put(s.t, s.folder, "tls-key.pem", key)
	put(s.t, s.folder, "tls.pem", certificate)
	return number
}

// newClient is the certificate that the API server shows, where it is told to look.
func (s *server) newClient() {
	certificate, key, _ := s.ca.issue(s.t, "kube-apiserver")
	put(s.t, s.folder, "apiserver.pem", certificate)
	put(s.t, s.folder, "apiserver-key.pem", key)
}

// shows says whether the gate shows the certificate with that serial number.
func (s *server) shows(number *big.Int) error {
	pair, err := tls.LoadX509KeyPair(s.path("apiserver.pem"), s.path("apiserver-key.pem"))
	if err != nil {
		return err
	}
	connection, err := tls.Dial("tcp", s.address, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}})
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	if got := connection.ConnectionState().PeerCertificates[0].SerialNumber; got.Cmp(number) != 0 {
		return errors.New("it shows the one before")
	}
	return nil
}

// setPolicy replaces the policy by the one with these lines more.
func (s *server) setPolicy(more string) {
	put(s.t, s.folder, "policy.yaml", []byte(fmt.Sprintf(policy, more)))
}

// buildDatabase builds a database from the records of the demo and some more.
func (s *server) buildDatabase(name string, more map[string]string) {
	s.t.Helper()
	from := s.path(name)
	require.NoError(s.t, os.CopyFS(from, os.DirFS(filepath.Join("..", "..", "demo", "advisories"))))
	for file, content := range more {
		require.NoError(s.t, os.WriteFile(filepath.Join(from, file), []byte(content), 0o600))
	}
	run(s.t, s.folder, s.imagegate, "db", "build", "-q", "--db", s.path("db"), "--from", from)
}

// token signs a break-glass token for a digest in a namespace.
func (s *server) token(digest, namespace, lifetime string) string {
	s.t.Helper()
	return run(s.t, s.folder, s.imagegate, "breakglass", "sign", "--key=oncall.key", "--digest="+digest, "--namespace="+namespace,
		"--owner=ana@example.com", "--reason=INC-4711: checkout is down", "--id=INC-4711", "--for="+lifetime)
}

// admissionConfig writes what the API server has to be told, and returns its folder.
func (s *server) admissionConfig() string {
	s.t.Helper()
	cmd := exec.Command(s.imagegate, append([]string{"serve", "-q", "--print-admission-config=" + s.folder,
		"--admission-ca=" + s.path("ca.pem"), "--admission-folder=" + s.folder}, s.args...)...)
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, "%s", out)
	return s.folder
}
