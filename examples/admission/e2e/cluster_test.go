//go:build e2e

package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
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

// cluster is a control plane as small as it can be: etcd and kube-apiserver. Nobody
// schedules or runs pods; whether they may exist is the question.
type cluster struct {
	t        *testing.T
	programs programs
	folder   string
	etcd     string // URL
	port     string
	server   *process
	admin    *http.Client // as an administrator
}

// newCluster starts etcd and writes what the API server needs to start.
func newCluster(t *testing.T, p programs) *cluster {
	t.Helper()
	c := &cluster{t: t, programs: p, folder: t.TempDir(), port: freePort(t)}
	clients, peers := "http://127.0.0.1:"+freePort(t), "http://127.0.0.1:"+freePort(t)
	c.etcd = clients
	etcd := start(t, c.folder, nil, p.etcd, "--name=default", "--data-dir="+filepath.Join(c.folder, "etcd"), "--unsafe-no-fsync",
		"--listen-client-urls="+clients, "--advertise-client-urls="+clients,
		"--listen-peer-urls="+peers, "--initial-advertise-peer-urls="+peers, "--initial-cluster=default="+peers)
	etcd.await(t, "is it healthy?", func() error { return answers(http.DefaultClient, clients+"/health") })

	ca := newAuthority(t, "clients")
	put(t, c.folder, "clients.pem", ca.pem)
	certificate, key, _ := ca.issue(t, "admin", "system:masters")
	put(t, c.folder, "admin.pem", certificate)
	put(t, c.folder, "admin-key.pem", key)
	c.admin = adminClient(t, certificate, key)
	signing, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalECPrivateKey(signing)
	require.NoError(t, err)
	put(t, c.folder, "accounts.pem", encode("EC PRIVATE KEY", der))
	put(t, c.folder, "kubeconfig", []byte(fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: e2e, cluster: {server: "https://127.0.0.1:%s", certificate-authority: %s/serving/apiserver.crt}}]
users: [{name: admin, user: {client-certificate: %s/admin.pem, client-key: %s/admin-key.pem}}]
contexts: [{name: e2e, context: {cluster: e2e, user: admin}}]
current-context: e2e
`, c.port, c.folder, c.folder, c.folder)))
	return c
}

// adminClient speaks to the API server as kubectl does. The server makes its own
// certificate at its first start.
func adminClient(t *testing.T, certificate, key []byte) *http.Client {
	t.Helper()
	pair, err := tls.X509KeyPair(certificate, key)
	require.NoError(t, err)
	config := &tls.Config{Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true}
	return &http.Client{Timeout: 40 * time.Second, Transport: &http.Transport{TLSClientConfig: config, MaxIdleConnsPerHost: 16}}
}

func answers(client *http.Client, url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, body)
	}
	return err
}

// serve starts the API server, or starts it again with another configuration.
// Configurations of admission are read at the start alone.
func (c *cluster) serve(admission string, plugins ...string) {
	c.t.Helper()
	if c.server != nil {
		c.server.stop(syscall.SIGTERM)
	}
	args := []string{
		"--etcd-servers=" + c.etcd, "--bind-address=127.0.0.1", "--secure-port=" + c.port,
		"--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.0.0.0/24",
		"--cert-dir=" + filepath.Join(c.folder, "serving"), "--client-ca-file=" + filepath.Join(c.folder, "clients.pem"),
		"--authorization-mode=RBAC", "--service-account-issuer=https://e2e.example.com",
		"--service-account-key-file=" + filepath.Join(c.folder, "accounts.pem"), "--service-account-signing-key-file=" + filepath.Join(c.folder, "accounts.pem"),
		"--disable-admission-plugins=ServiceAccount", // nobody makes the accounts of namespaces here
		"--admission-control-config-file=" + admission,
		"--audit-policy-file=" + put(c.t, c.folder, "audit-policy.yaml", []byte(auditPolicy)), "--audit-log-path=" + filepath.Join(c.folder, "audit.log"),
	}
	if len(plugins) > 0 {
		args = append(args, "--enable-admission-plugins="+strings.Join(plugins, ","))
	}
	c.server = start(c.t, c.folder, nil, c.programs.apiserver, args...)
	c.server.await(c.t, "is it ready?", func() error { return answers(c.admin, c.url("/readyz")) })
}

// auditPolicy keeps what webhooks say about pods.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, resources: [{group: "", resources: [pods]}], verbs: [create]}
- {level: None}
`

func (c *cluster) url(path string) string { return "https://127.0.0.1:" + c.port + path }

// kubectl runs kubectl; out is all that it prints.
func (c *cluster) kubectl(stdin string, args ...string) (out string, err error) {
	cmd := exec.Command(c.programs.kubectl, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(c.folder, "kubeconfig"), "HOME="+c.folder, "KUBECTL_KUBERC=false")
	cmd.Stdin = strings.NewReader(stdin)
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	err = cmd.Run()
	return both.String(), err
}

// must runs kubectl where it has to succeed.
func (c *cluster) must(stdin string, args ...string) string {
	c.t.Helper()
	out, err := c.kubectl(stdin, args...)
	require.NoError(c.t, err, "kubectl %v\n%s", args, out)
	return strings.TrimSpace(out)
}
