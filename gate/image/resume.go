package image

import (
	"context"
	"errors"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxResumes is how often one blob may break off and go on.
const maxResumes = 3

// resumingBlob reads a blob of a registry and, when the connection breaks, goes
// on where it stopped. Whether the parts belong together shows in the digest.
type resumingBlob struct {
	ctx    context.Context
	from   *registry
	digest v1.Hash
	size   int64

	body    io.ReadCloser
	offset  int64
	resumes int
}

func (r *registry) openBlob(ctx context.Context, descriptor v1.Descriptor) (io.ReadCloser, error) {
	body, err := r.blob(ctx, descriptor.Digest, 0)
	if err != nil {
		return nil, err
	}
	return &resumingBlob{ctx: ctx, from: r, digest: descriptor.Digest, size: descriptor.Size, body: body}, nil
}

func (b *resumingBlob) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.offset += int64(n)
	if err == nil || b.complete(err) {
		return n, err
	}
	if again := b.resume(err); again != nil {
		return n, again
	}
	return n, nil
}

// complete says that there is nothing to resume: the blob ended, is as long as it
// should be, or the caller gave up.
func (b *resumingBlob) complete(err error) bool {
	if errors.Is(err, io.EOF) || b.offset >= b.size || b.ctx.Err() != nil || b.resumes >= maxResumes {
		return true
	}
	_, transient := explain(err)
	return !transient
}

// resume returns the error that broke the blob if it cannot be continued.
func (b *resumingBlob) resume(broken error) error {
	b.resumes++
	_ = b.body.Close()
	body, err := b.from.blob(b.ctx, b.digest, b.offset)
	if err != nil {
		b.body = io.NopCloser(nothing{broken})
		return broken
	}
	b.body = body
	return nil
}

func (b *resumingBlob) Close() error { return b.body.Close() }

// nothing always fails the same way.
type nothing struct{ err error }

func (n nothing) Read([]byte) (int, error) { return 0, n.err }
