package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imagegate/imagegate/gate"
)

// Images resolves references. It implements gate.Images, is immutable after New
// and safe for concurrent use.
type Images struct {
	limits   Limits
	sessions *sessions
	plain    map[string]bool
	engine   string
	reading  reading
	memory   gate.Memory // nil: none
	keychain authn.Keychain
	uploads  http.RoundTripper // what a push goes through
	// strangers bounds references that anybody may have written; nil where they are
	// the user's own.
	strangers *strangers
}

var _ gate.Images = (*Images)(nil)

// New makes Images. Without options it reads with the credentials of the machine,
// over HTTPS except on loopback, within the default Limits.
func New(options ...Option) (*Images, error) {
	s := settings{
		keychain: DefaultKeychain(),
		agent:    defaultAgent(),
		plain:    map[string]bool{},
		engine:   engineFromEnvironment(),
	}
	for _, option := range options {
		if err := option(&s); err != nil {
			return nil, err
		}
	}
	limits := s.limits.withDefaults()
	s.reading.layers = s.layers.in(s.memory)
	base, uploads := s.transport, s.transport
	switch {
	case s.transport == nil:
		base, uploads = s.strangers.guard(newTransport()), s.strangers.guard(newUploadTransport())
	case s.strangers != nil:
		return nil, errors.New("strangers are bound where addresses are dialled, which a transport from elsewhere does itself")
	}
	return &Images{
		limits:   limits,
		plain:    s.plain,
		engine:   s.engine,
		sessions: newSessions(s, decorate(base, s, limits)),
		memory:   s.memory,
		keychain: s.keychain,
		uploads:  decorate(uploads, s, limits),
		reading:  s.reading.withDefaults(limits),

		strangers: s.strangers,
	}, nil
}

func newSessions(s settings, base http.RoundTripper) *sessions {
	return &sessions{keychain: s.keychain, base: base, strangers: s.strangers, open: map[string]session{}}
}

// defaultAgent names this program and, where known, its version.
func defaultAgent() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return "imagegate/" + info.Main.Version
	}
	return "imagegate"
}

// Resolve pins a reference to a digest. A reference that cannot be parsed is a
// *gate.ReferenceError, everything else an *Error.
func (i *Images) Resolve(ctx context.Context, reference string) (gate.Subject, error) {
	l, err := i.strangers.parse(reference)
	if err != nil {
		return nil, err
	}
	root, from, err := i.open(ctx, l)
	if err != nil {
		return nil, failed(err, "resolving %s", reference)
	}
	return &subject{reference: l.reference, root: root, from: from, limits: i.limits, reading: i.reading}, nil
}

// open looks the reference up: the one place where a tag or a name is used.
func (i *Images) open(ctx context.Context, l location) (document, source, error) {
	switch l.reference.Transport {
	case transportRegistry:
		return i.openRegistry(ctx, l)
	case transportOCI:
		return openLayout(ctx, l, i.limits)
	case transportOCIArchive:
		return openLayoutArchive(ctx, l, i.limits)
	case transportDockerArchive:
		return openDockerArchive(ctx, l, i.limits)
	case transportDockerDaemon:
		return openEngineImage(ctx, i.engine, l, i.limits)
	}
	return document{}, nil, fmt.Errorf("unknown transport %q", l.reference.Transport)
}

func (i *Images) openRegistry(ctx context.Context, l location) (document, source, error) {
	if err := i.strangers.allow(l.repository); err != nil {
		return document{}, nil, err
	}
	repository, err := i.repository(l.repository)
	if err != nil {
		return document{}, nil, err
	}
	r := &registry{repository: repository, sessions: i.sessions, limits: i.limits}
	below := i.remembering(r)
	if l.reference.ByDigest {
		root, err := readManifest(ctx, r, l.digest)
		return root, below, err
	}
	raw, mediaType, err := r.manifest(ctx, l.reference.Tag)
	if err != nil {
		return document{}, nil, err
	}
	root, err := parseDocument(raw, sha256Of(raw), mediaType)
	return root, below, err
}

// remembering puts the memory, where there is one, before what lies below the root.
func (i *Images) remembering(r *registry) source {
	if i.memory == nil {
		return r
	}
	return remembered{r, i.memory}
}

// repository lets the login try plain HTTP where that is allowed.
func (i *Images) repository(r name.Repository) (name.Repository, error) {
	if !i.plain[r.RegistryStr()] {
		return r, nil
	}
	return name.NewRepository(r.Name(), name.WeakValidation, name.Insecure)
}
