package image

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

const (
	// maxSessions keeps a scan over many repositories from collecting tokens.
	maxSessions = 256
	// sessionTime is how long credentials are used before they are looked up again.
	// A token that expires earlier is renewed by the session itself.
	sessionTime = 30 * time.Minute
)

// sessions remembers, for each repository, how its registry wants to be spoken
// to: HTTPS or HTTP, and the token for pulling. Safe for concurrent use.
type sessions struct {
	keychain authn.Keychain
	base     http.RoundTripper
	// strangers bounds where a registry may send us.
	strangers *strangers

	mu   sync.Mutex
	open map[string]session
}

type session struct {
	transport http.RoundTripper
	since     time.Time
}

// send sends a request below a repository, within its session.
//
// Where there are no credentials, the first request is sent as it is: a registry
// that answers it wants no login, and is spared the question whether it does. One
// that refuses has said how to log in.
func (s *sessions) send(ctx context.Context, repository name.Repository, request *http.Request) (*http.Response, error) {
	through, ok := s.known(repository)
	if !ok {
		auth, err := authn.Resolve(ctx, s.keychain, repository)
		if err != nil {
			return nil, err
		}
		base := s.base
		if auth == authn.Anonymous {
			var response *http.Response
			if response, base = s.unannounced(repository, request); response != nil {
				return response, nil
			}
		}
		if through, err = s.log(ctx, repository, auth, base); err != nil {
			return nil, err
		}
	}
	client := http.Client{Transport: through, CheckRedirect: s.followRedirect}
	return client.Do(request)
}

func (s *sessions) known(repository name.Repository) (http.RoundTripper, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.open[repository.Name()]
	return known.transport, ok && time.Since(known.since) < sessionTime
}

// log opens the session of a repository. Two callers that come first at once both
// open one; the later one stays.
func (s *sessions) log(ctx context.Context, repository name.Repository, auth authn.Authenticator, base http.RoundTripper) (http.RoundTripper, error) {
	opened, err := transport.NewWithContext(ctx, repository.Registry, auth, base, []string{repository.Scope(transport.PullScope)})
	if err != nil {
		return nil, err
	}
	s.keep(repository, opened)
	return opened, nil
}

func (s *sessions) keep(repository name.Repository, opened http.RoundTripper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= maxSessions {
		clear(s.open)
	}
	s.open[repository.Name()] = session{opened, time.Now()}
}
