package image

import (
	"context"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// subject is an image or an index, pinned by digest. It implements gate.Subject.
type subject struct {
	reference policy.Reference
	root      document
	from      source
	limits    Limits
	reading   reading
}

var _ gate.Subject = (*subject)(nil)

// Reference is what was typed, taken apart.
func (s *subject) Reference() policy.Reference { return s.reference }

// Digest of the manifest or index.
func (s *subject) Digest() string { return s.root.digest.String() }

// MediaType of the manifest or index.
func (s *subject) MediaType() string { return string(s.root.mediaType) }

// Platforms are the platform images. An image of an index whose manifest cannot
// be read is among them: its Config and Files say why, so that it is undecided
// and the others are judged.
func (s *subject) Platforms(ctx context.Context) ([]gate.Platform, error) {
	found, err := s.platforms(ctx)
	if err != nil {
		return nil, failed(err, "listing the platforms of %s", s.reference.Typed)
	}
	list := make([]gate.Platform, len(found))
	for i, p := range found {
		list[i] = p
	}
	return list, nil
}

// Attachments are the unverified signatures and attestations beside a digest.
func (s *subject) Attachments(ctx context.Context, digest string) ([]gate.Attachment, error) {
	hash, err := v1.NewHash(digest)
	if err != nil {
		return nil, failed(err, "looking for attachments of %s", digest)
	}
	ctx, cancel := context.WithTimeout(ctx, s.limits.AttachmentsTime)
	defer cancel()
	found := newCollector(s.from, hash, s.limits)
	s.from.findAttached(ctx, hash, found)
	attachments, err := found.fetch(ctx)
	return attachments, failed(err, "looking for attachments of %s", digest)
}
