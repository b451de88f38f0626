package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/imagegate/imagegate/gate"
)

// Pushed is a subject at its destination.
type Pushed struct {
	Reference string // by digest: "registry.example.com/app@sha256:…"
	Digest    string
	// Already says that nothing had to be sent: all of it was there.
	Already bool
}

// Push copies a subject to a tag: the bytes that its digest names, all of them, or
// nothing that anybody sees. The subject is the handle that was judged; no tag is
// looked up again. Of an index everything goes that it lists, attestation
// manifests included, since its digest covers them.
//
// What names something comes after it: blobs, manifests, indexes, and the tag at
// last. So a push that breaks leaves the tag as it was, and may be repeated until
// it ends well; what arrived is not sent again. Each byte is verified against its
// digest before the last one leaves, and the tag is read back in the end.
//
// The error is an *Error.
func (i *Images) Push(ctx context.Context, judged gate.Subject, to Destination) (Pushed, error) {
	s, ok := judged.(*subject)
	if !ok {
		return Pushed{}, failed(refuse("what was judged cannot be read here"), "pushing to %s", to)
	}
	already, err := i.push(ctx, s, to)
	if err != nil {
		return Pushed{}, failed(err, "pushing %s to %s", s.root.digest, to)
	}
	return Pushed{Reference: to.pinned(s.Digest()), Digest: s.Digest(), Already: already}, nil
}

func (i *Images) push(ctx context.Context, s *subject, to Destination) (already bool, err error) {
	// A tag that is its own destination has its image already. To write it again
	// would undo what somebody pushed while it was judged.
	if to.is(s.reference) {
		return true, i.confirm(ctx, s, to)
	}
	u, err := i.newUpload(ctx, s, to)
	if err != nil {
		return false, err
	}
	// What names something comes after it, and the tag at last.
	if err := u.contents(ctx, s.root, 1); err != nil {
		return false, u.translate(err)
	}
	if err := u.manifest(ctx, u.repository.Tag(to.tag.TagStr()), s.root); err != nil {
		return false, u.translate(err)
	}
	if err := i.confirm(ctx, s, to); err != nil {
		return false, fmt.Errorf("reading it back: %w", err)
	}
	return u.writes.Load() == 0, nil
}

// confirm reads the destination back.
func (i *Images) confirm(ctx context.Context, s *subject, to Destination) error {
	there, err := i.Resolve(ctx, to.String())
	if err != nil {
		return err
	}
	if there.Digest() != s.Digest() {
		return &movedError{tag: to.String(), now: there.Digest()}
	}
	return nil
}

// movedError is a tag that somebody else has moved meanwhile.
type movedError struct{ tag, now string }

func (e *movedError) Error() string {
	return fmt.Sprintf("%s names %s by now: somebody else has pushed to it", e.tag, e.now)
}

// Remedy is to look again: which of the two was meant is not ours to say.
func (e *movedError) Remedy() string {
	return "judge it again, and let one job at a time push to a tag"
}

// translate turns what a registry says about a push into ours, so that the remedy
// is about writing.
func (u *upload) translate(err error) error {
	var protocol *transport.Error
	if !errors.As(err, &protocol) {
		return err
	}
	host := loginHost(u.repository.Registry)
	remedy, transient := remedyForStatus(protocol.StatusCode, host, "")
	switch protocol.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		remedy = fmt.Sprintf("ask for write access to %s, or log in with `docker login %s` as someone who has it", u.repository.Name(), host)
	case http.StatusNotFound:
		remedy = fmt.Sprintf("check the name %s; some registries want a repository to be created first", u.repository.Name())
	}
	return &refusedPush{said: protocol, remedy: remedy, transient: transient}
}

// refusedPush is the answer of a registry to something that was sent.
type refusedPush struct {
	said      *transport.Error
	remedy    string
	transient bool
}

func (e *refusedPush) Error() string   { return e.said.Error() }
func (e *refusedPush) Unwrap() error   { return e.said }
func (e *refusedPush) Remedy() string  { return e.remedy }
func (e *refusedPush) Transient() bool { return e.transient }
