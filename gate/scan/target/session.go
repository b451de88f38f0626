package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// maxSessions keeps a scan over many repositories from collecting tokens.
const maxSessions = 64

// sessions speak to registries: one login for each scope, renewed by itself when
// its token ends. Safe for concurrent use.
type sessions struct {
	options Options
	plain   map[string]bool
	base    http.RoundTripper

	mu   sync.Mutex
	open map[string]http.RoundTripper
}

func newSessions(o Options) *sessions {
	plain := map[string]bool{}
	for _, host := range o.Insecure {
		plain[host] = true
	}
	return &sessions{
		options: o, plain: plain, open: map[string]http.RoundTripper{},
		base: &careful{inner: o.Transport, plain: plain, agent: o.UserAgent, limit: max(o.Limits.PageBytes, o.Limits.Manifest, o.Limits.Config)},
	}
}

// place is where in a registry a request goes, and what its login has to allow.
type place struct {
	registry name.Registry
	scope    string
	resource authn.Resource
}

const catalogScope = "registry:catalog:*"

func (s *sessions) catalog(host string) (place, error) {
	registry, err := name.NewRegistry(host, s.nameOptions(host)...)
	return place{registry, catalogScope, registry}, err
}

func (s *sessions) repository(host, repository string) (place, error) {
	full, err := name.NewRepository(host+"/"+repository, s.nameOptions(host)...)
	return place{full.Registry, full.Scope(transport.PullScope), full}, err
}

func (s *sessions) nameOptions(host string) []name.Option {
	options := []name.Option{name.StrictValidation}
	if s.plain[host] {
		options = append(options, name.Insecure)
	}
	return options
}

// answer is what a registry answered with 200.
type answer struct {
	body   []byte
	header http.Header
	url    *url.URL
}

// get asks for a path below /v2/ of the registry, at most limit bytes. Any status
// but 200 is a *statusError.
func (s *sessions) get(ctx context.Context, at place, path, accept string, limit int64) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Limits.RequestTime)
	defer cancel()
	through, err := s.session(ctx, at)
	if err != nil {
		return answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.registry.Scheme()+"://"+at.registry.RegistryStr()+path, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	client := http.Client{Transport: through, CheckRedirect: sameHost}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return answer{}, &statusError{response.StatusCode, at.registry.RegistryStr()}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = overLimit("of bytes of one answer", limit)
	}
	return answer{body, response.Header, request.URL}, err
}

func (s *sessions) session(ctx context.Context, at place) (http.RoundTripper, error) {
	key := at.registry.RegistryStr() + " " + at.scope
	s.mu.Lock()
	known, ok := s.open[key]
	s.mu.Unlock()
	if ok {
		return known, nil
	}
	auth, err := authn.Resolve(ctx, s.options.Keychain, at.resource)
	if err != nil {
		return nil, err
	}
	opened, err := transport.NewWithContext(ctx, at.registry, auth, s.base, []string{at.scope})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= maxSessions {
		clear(s.open)
	}
	s.open[key] = opened
	return opened, nil
}

// sameHost follows a redirect within a registry only. Lists and manifests are small
// and its own, so nothing legitimate sends us elsewhere for them; image configs
// are blobs and may be kept by a storage service, whose bytes are held against
// their digest.
func sameHost(request *http.Request, via []*http.Request) error {
	switch {
	case len(via) > 3:
		return errors.New("too many redirects")
	case via[0].URL.Scheme == "https" && request.URL.Scheme != "https":
		return fmt.Errorf("%s redirects from HTTPS to plain HTTP", via[0].URL.Host)
	case request.URL.Host != via[0].URL.Host && !strings.Contains(via[0].URL.Path, "/blobs/"):
		return fmt.Errorf("%s redirects a list to another host, %s", via[0].URL.Host, request.URL.Host)
	case isInside(request.URL.Hostname()) && !isInside(via[0].URL.Hostname()):
		return fmt.Errorf("%s redirects to the inside address %s", via[0].URL.Host, request.URL.Host)
	}
	return nil
}

// careful refuses plain HTTP where it is not allowed, names us, and bounds every
// body, those of logins included.
type careful struct {
	inner http.RoundTripper
	plain map[string]bool
	agent string
	limit int64
}

// RoundTrip implements http.RoundTripper.
func (t *careful) RoundTrip(request *http.Request) (*http.Response, error) {
	if u := request.URL; u.Scheme != "https" && !isLoopback(u.Hostname()) && !t.plain[u.Host] {
		return nil, &advised{"plain HTTP to " + u.Host + " is not allowed", "allow it with --insecure-registry " + u.Host + " if the network is trusted"}
	}
	request = request.Clone(request.Context())
	request.Header.Set("User-Agent", t.agent)
	response, err := t.inner.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body = &bounded{response.Body, t.limit + 1}
	return response, nil
}

// bounded fails as soon as there is one byte too many.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("the answer is too long")
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func isLoopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// isInside says whether a host is by its name or address on this machine or in a
// private network.
func isInside(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return isLoopback(host) || ip != nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified())
}
