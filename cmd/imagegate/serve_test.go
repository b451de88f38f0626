package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	imagepolicyv1 "k8s.io/api/imagepolicy/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/imagegate/imagegate/gate/breakglass"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/jetstream"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{t, key, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue makes a certificate for 127.0.0.1 with that name, and its key.
func (a *authority) issue(name string) (certificate, key []byte) {
	a.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(a.t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, private.Public(), a.key)
	require.NoError(a.t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(a.t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// client trusts the authority, and shows a certificate of another one, if any.
func (a *authority) client(of *authority, name string) *http.Client {
	a.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	config := &tls.Config{RootCAs: roots}
	if of != nil {
		cert, key := of.issue(name)
		pair, err := tls.X509KeyPair(cert, key)
		require.NoError(a.t, err)
		config.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	a.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// served is a server in this process.
type served struct {
	t       *testing.T
	address string
	log     *watchedBuffer
	end     context.CancelFunc
	ended   chan int
}

func serveHere(t *testing.T, cache string, args ...string) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &served{t: t, log: &watchedBuffer{address: make(chan string, 1)}, end: cancel, ended: make(chan int, 1)}
	args = append([]string{"serve", "--cache-dir", cache, "--listen", "127.0.0.1:0", "--offline", "--insecure-ignore-tlog",
		"--allow-private", "127.0.0.1", "--reload-interval", "5ms"}, args...)
	go func() { s.ended <- execute(ctx, args, console{out: io.Discard, err: s.log}) }()
	select {
	case s.address = <-s.log.address:
	case code := <-s.ended:
		t.Fatalf("it ended with %d: %s", code, s.log)
	}
	t.Cleanup(func() { s.stop() })
	return s
}

// stop ends the server as SIGTERM does.
func (s *served) stop() {
	s.end()
	if code, open := <-s.ended; open {
		require.Equal(s.t, exitAllowed, code, s.log.String())
		close(s.ended)
	}
}

// review asks with a client; the error is of the connection.
func (s *served) review(client *http.Client, annotations map[string]string, images ...string) (imagepolicyv1.ImageReviewStatus, error) {
	asked := imagepolicyv1.ImageReview{TypeMeta: metav1.TypeMeta{APIVersion: "imagepolicy.k8s.io/v1alpha1", Kind: "ImageReview"}}
	asked.Spec.Namespace, asked.Spec.Annotations = "shop", annotations
	for _, image := range images {
		asked.Spec.Containers = append(asked.Spec.Containers, imagepolicyv1.ImageReviewContainerSpec{Image: image})
	}
	body, err := json.Marshal(asked)
	require.NoError(s.t, err)
	scheme := "https://"
	if client == http.DefaultClient {
		scheme = "http://"
	}
	response, err := client.Post(scheme+s.address+"/imagepolicy?timeout=30s", "application/json", bytes.NewReader(body))
	if err != nil {
		return imagepolicyv1.ImageReviewStatus{}, err
	}
	defer func() { _ = response.Body.Close() }()
	var answered imagepolicyv1.ImageReview
	if response.StatusCode != http.StatusOK {
		return answered.Status, os.ErrPermission
	}
	return answered.Status, json.NewDecoder(response.Body).Decode(&answered)
}

func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path+".new", content, 0o600))
		require.NoError(t, os.Rename(path+".new", path))
	}
}

// Certificates are exchanged while reviews come: none is lost, and clients of an
// authority that is no longer trusted are not heard any more.
func TestServeRotatesCertificates(t *testing.T) {
	w, err := newWorld(t)
	require.NoError(t, err)
	w.registry.Push("app:1", namedImage(t, "good"))
	dir := t.TempDir()
	require.NoError(t, w.write(dir))
	servers, apiServers, strangers := newAuthority(t, "servers"), newAuthority(t, "api servers"), newAuthority(t, "strangers")
	cert, key := servers.issue("gate")
	write(t, dir, map[string][]byte{"tls.crt": cert, "tls.key": key, "ca.pem": apiServers.pem})
	probes := serveHere(t, builtDatabase(t), "--insecure-skip-signatures",
		"--tls-cert", filepath.Join(dir, "tls.crt"), "--tls-key", filepath.Join(dir, "tls.key"),
		"--client-ca", filepath.Join(dir, "ca.pem"), "--client-name", "kube-apiserver")
	image := w.registry.Host() + "/app:1"

	api := servers.client(apiServers, "kube-apiserver")
	got, err := probes.review(api, nil, image)
	require.NoError(t, err)
	require.True(t, got.Allowed, got.Reason)
	for name, client := range map[string]*http.Client{
		"nobody": servers.client(nil, ""), "of another authority": servers.client(strangers, "kube-apiserver"),
		"of another name": servers.client(apiServers, "kubelet"),
	} {
		_, err := probes.review(client, nil, image)
		require.Error(t, err, name)
	}
	response, err := servers.client(nil, "").Get("https://" + probes.address + "/readyz")
	require.NoError(t, err, "kubelets have no certificate to show")
	require.NoError(t, response.Body.Close())
	require.Equal(t, "HTTP/2.0", response.Proto)

	var group sync.WaitGroup
	var done atomic.Bool
	for range 4 {
		group.Go(func() {
			for i := 0; !done.Load(); i++ {
				client := api
				if i%3 == 0 {
					client = servers.client(apiServers, "kube-apiserver") // a new connection
				}
				got, err := probes.review(client, nil, image)
				require.NoError(t, err)
				require.True(t, got.Allowed)
			}
		})
	}
	serial := ""
	for range 5 {
		cert, key := servers.issue("gate")
		write(t, dir, map[string][]byte{"tls.key": key}) // the pair does not match for a while
		write(t, dir, map[string][]byte{"tls.crt": cert})
		pair, err := tls.X509KeyPair(cert, key)
		require.NoError(t, err)
		serial = pair.Leaf.SerialNumber.String()
		require.Eventually(t, func() bool { return probes.serial(servers, apiServers) == serial }, time.Minute, 5*time.Millisecond)
	}
	done.Store(true)
	group.Wait()

	write(t, dir, map[string][]byte{"ca.pem": strangers.pem})
	require.Eventually(t, func() bool {
		_, err := probes.review(servers.client(strangers, "kube-apiserver"), nil, image)
		return err == nil
	}, time.Minute, 5*time.Millisecond)
	_, err = probes.review(servers.client(apiServers, "kube-apiserver"), nil, image)
	require.Error(t, err)
}

// serial is that of the certificate which the server shows now.
func (s *served) serial(servers, clients *authority) string {
	config := servers.client(clients, "kube-apiserver").Transport.(*http.Transport).TLSClientConfig
	connection, err := tls.Dial("tcp", s.address, config)
	if err != nil {
		return ""
	}
	defer func() { _ = connection.Close() }()
	return connection.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// A token of breakglass sign lets a refused image in until its key is taken away.
func TestServeBreakGlass(t *testing.T) {
	w, err := newWorld(t)
	require.NoError(t, err)
	digest := w.registry.Push("app:1", namedImage(t, "bad"))
	dir := t.TempDir()
	private, public, err := breakglass.GenerateKey()
	require.NoError(t, err)
	_, other, err := breakglass.GenerateKey()
	require.NoError(t, err)
	write(t, dir, map[string][]byte{"b.key": private, "b.pub": public})
	s := serveHere(t, builtDatabase(t), "--insecure-plain-http", "--insecure-skip-signatures", "--breakglass-key", filepath.Join(dir, "b.pub"))
	image := w.registry.Host() + "/app:1"
	got, err := s.review(http.DefaultClient, nil, image)
	require.NoError(t, err)
	require.False(t, got.Allowed)
	var token bytes.Buffer
	require.Equal(t, exitAllowed, execute(t.Context(), []string{"breakglass", "sign", "--key", filepath.Join(dir, "b.key"), "--namespace", "shop",
		"--digest", digest.String(), "--owner", "ana@example.com", "--reason", "INC-1"}, console{out: &token, err: io.Discard}))
	annotations := map[string]string{breakglass.Annotation: strings.TrimSpace(token.String())}
	got, err = s.review(http.DefaultClient, annotations, image)
	require.NoError(t, err)
	require.True(t, got.Allowed, got.Reason)
	require.Contains(t, got.AuditAnnotations["breakglass-0"], "of ana@example.com until")
	write(t, dir, map[string][]byte{"b.pub": other})
	require.Eventually(t, func() bool {
		got, err := s.review(http.DefaultClient, annotations, image)
		return err == nil && !got.Allowed
	}, time.Minute, 5*time.Millisecond)
	require.Eventually(t, func() bool {
		return strings.Contains(s.log.String(), "break-glass: an image was let in by a token")
	}, time.Minute, time.Millisecond)
}

// Replicas share verdicts through NATS; without it they judge for themselves.
func TestServeSharesThroughNATS(t *testing.T) {
	w, err := newWorld(t)
	require.NoError(t, err)
	digest := w.registry.Push("app:1", namedImage(t, "good"))
	nats, url := listeningNATS(t)
	cache, dir := builtDatabase(t), t.TempDir()
	write(t, dir, map[string][]byte{"secret": []byte("0123456789abcdef0123456789abcdef"), "short": []byte("0123")})
	replica := func() *served {
		return serveHere(t, cache, "--insecure-plain-http", "--insecure-skip-signatures", "--nats", url, "--nats-secret", filepath.Join(dir, "secret"))
	}
	image := w.registry.Host() + "/app@" + digest.String()
	allowed := func(s *served) {
		t.Helper()
		got, err := s.review(http.DefaultClient, nil, image)
		require.NoError(t, err)
		require.True(t, got.Allowed, got.Reason)
	}
	allowed(replica())
	require.NotZero(t, w.registry.Count(""))
	w.registry.Forget()
	allowed(replica())
	require.Zero(t, w.registry.Count(""), "the other one has judged it")
	last := replica()
	nats.Close()
	allowed(last)

	for _, args := range [][]string{{"--nats", url}, {"--nats", url, "--nats-secret", filepath.Join(dir, "short")}} {
		code := execute(t.Context(), append([]string{"serve", "--insecure-plain-http", "--insecure-skip-signatures", "--offline", "--cache-dir", cache}, args...),
			console{out: io.Discard, err: io.Discard})
		require.Equal(t, exitUsage, code)
	}
}

// listeningNATS is an embedded server that others may dial.
func listeningNATS(t *testing.T) (*jetstream.Connection, string) {
	t.Helper()
	folder := t.TempDir()
	connection, err := jetstream.Embed(t.Context(), jetstream.Embedding{Folder: folder, Listen: true})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	data, err := os.ReadFile(filepath.Join(folder, "endpoint.json"))
	require.NoError(t, err)
	var endpoint struct {
		URL   string `json:"url"`
		Token string `json:"token"`
	}
	require.NoError(t, json.Unmarshal(data, &endpoint))
	return connection, strings.Replace(endpoint.URL, "://", "://"+endpoint.Token+"@", 1)
}

// A review that has begun is answered although the server is to end.
func TestServeDrains(t *testing.T) {
	w, err := newWorld(t)
	require.NoError(t, err)
	w.registry.Push("app:1", namedImage(t, "good"))
	began, release := make(chan struct{}, 9), make(chan struct{})
	w.registry.Break("/manifests/", gatetest.Then(func() { began <- struct{}{}; <-release }))
	s := serveHere(t, builtDatabase(t), "--insecure-plain-http", "--insecure-skip-signatures", "--shutdown-delay", "1ms")
	answer := make(chan imagepolicyv1.ImageReviewStatus, 1)
	go func() {
		got, err := s.review(http.DefaultClient, nil, w.registry.Host()+"/app:1")
		assert.NoError(t, err)
		answer <- got
	}()
	<-began
	s.end()
	require.Eventually(t, func() bool { return strings.Contains(s.log.String(), "shutting down") }, time.Minute, time.Millisecond)
	close(release)
	got := <-answer
	require.True(t, got.Allowed, got.Reason)
	s.stop()
}

// Traces go where the variables of OpenTelemetry say.
func TestServeTraces(t *testing.T) {
	w, err := newWorld(t)
	require.NoError(t, err)
	w.registry.Push("app:1", namedImage(t, "good"))
	spans := make(chan string, 9)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body) // a test fails by what is missing
		spans <- request.URL.Path + string(body)
	}))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	s := serveHere(t, builtDatabase(t), "--insecure-plain-http", "--insecure-skip-signatures")
	got, err := s.review(http.DefaultClient, nil, w.registry.Host()+"/app:1")
	require.NoError(t, err)
	require.True(t, got.Allowed, got.Reason)
	s.stop()
	sent := <-spans
	require.True(t, strings.HasPrefix(sent, "/v1/traces"))
	require.Contains(t, sent, "check")
	require.Contains(t, sent, "imagegate")
}
