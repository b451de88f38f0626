package image

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
)

// unannounced sends a request without having logged in. If it is answered, that
// opens a session without login. If not, the login goes through next, which knows
// already what the registry has said.
func (s *sessions) unannounced(repository name.Repository, request *http.Request) (response *http.Response, next http.RoundTripper) {
	for _, scheme := range schemesOf(repository.Registry) {
		as := schemed{scheme: scheme, host: repository.RegistryStr(), inner: s.base}
		client := http.Client{Transport: as, CheckRedirect: s.followRedirect}
		response, err := client.Do(request)
		if err != nil {
			continue
		}
		if response.StatusCode == http.StatusOK || response.StatusCode == http.StatusPartialContent {
			s.keep(repository, as)
			return response, nil
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, answerBytes)) // so that the connection is used again
		_ = response.Body.Close()
		if response.StatusCode == http.StatusUnauthorized {
			return nil, &answered{inner: s.base, address: url.URL{Scheme: scheme, Host: repository.RegistryStr()}, header: response.Header}
		}
		break
	}
	return nil, s.base
}

// schemesOf are the ways to speak to a registry, as its login tries them. Plain
// HTTP to another machine is left to the login, which waits for HTTPS.
func schemesOf(registry name.Registry) []string {
	if registry.Scheme() != "http" {
		return []string{"https"}
	}
	if host, _, _ := strings.Cut(registry.RegistryStr(), ":"); isLoopback(host) {
		return []string{"https", "http"}
	}
	return nil
}

// schemed speaks to one host in one way.
type schemed struct {
	scheme, host string
	inner        http.RoundTripper
}

func (t schemed) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Host == t.host {
		request = request.Clone(request.Context())
		request.URL.Scheme = t.scheme
	}
	return t.inner.RoundTrip(request)
}

// answered answers the first question of a login, GET /v2/, with what the registry
// has said to another request.
type answered struct {
	inner   http.RoundTripper
	address url.URL
	header  http.Header
	used    atomic.Bool
}

func (t *answered) RoundTrip(request *http.Request) (*http.Response, error) {
	asked := request.URL.Scheme == t.address.Scheme && request.URL.Host == t.address.Host && request.URL.Path == "/v2/"
	if !asked || t.used.Swap(true) {
		return t.inner.RoundTrip(request)
	}
	return &http.Response{
		Status: "401 Unauthorized", StatusCode: http.StatusUnauthorized, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: t.header, Body: http.NoBody, Request: request,
	}, nil
}
