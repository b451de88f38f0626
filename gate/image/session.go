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

	mu   sync.Mutex
	open map[string]session
}

type session struct {
	transport http.RoundTripper
	since     time.Time
}

// to opens or reuses the session for a repository. Two callers that come first at
// once both open one; the later one stays.
func (s *sessions) to(ctx context.Context, repository name.Repository) (http.RoundTripper, error) {
	key := repository.Name()
	s.mu.Lock()
	known, ok := s.open[key]
	s.mu.Unlock()
	if ok && time.Since(known.since) < sessionTime {
		return known.transport, nil
	}
	auth, err := authn.Resolve(ctx, s.keychain, repository)
	if err != nil {
		return nil, err
	}
	opened, err := transport.NewWithContext(ctx, repository.Registry, auth, s.base, []string{repository.Scope(transport.PullScope)})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= maxSessions {
		clear(s.open)
	}
	s.open[key] = session{opened, time.Now()}
	return opened, nil
}
