package image

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/imagegate/imagegate/policy"
)

// maxUploads is how many blobs of one image are sent at once.
const maxUploads = 4

// upload is one push on its way. The protocol of single blobs and manifests is
// go-containerregistry's: it asks before it sends, mounts what lies in another
// repository of the registry, and starts a blob again that broke off. What is
// sent, in which order and whether it is what was judged, is decided here.
type upload struct {
	from       source
	repository name.Repository
	beside     *name.Repository // from where the registry may mount blobs; nil: nowhere
	limits     Limits
	pusher     *remote.Pusher
	writes     *atomic.Int64
	watch      func(io.Reader, v1.Descriptor) io.Reader
	seen       int // manifests listed so far
}

func (i *Images) newUpload(ctx context.Context, s *subject, to Destination) (*upload, error) {
	u, err := i.openUpload(ctx, to)
	if err != nil {
		return nil, err
	}
	u.from, u.limits, u.beside = s.from, s.limits, besideOf(s.reference, u.repository)
	u.watch = func(body io.Reader, descriptor v1.Descriptor) io.Reader {
		return &watchedLayer{from: body, tell: i.reading.progress, told: Progress{
			Reference: to.String(), Layer: descriptor.Digest.String(), Size: descriptor.Size,
		}}
	}
	return u, nil
}

// openUpload prepares to write into a repository; it sends nothing yet.
func (i *Images) openUpload(ctx context.Context, to Destination) (*upload, error) {
	repository, err := i.repository(to.tag.Repository)
	if err != nil {
		return nil, err
	}
	u := &upload{repository: repository, writes: new(atomic.Int64)}
	u.pusher, err = remote.NewPusher(
		remote.WithTransport(&writeCounter{i.uploads, u.writes}),
		remote.WithAuthFromKeychain(i.keychain),
		remote.WithNondistributable, // all that the digest covers, or an error
		remote.WithRetryBackoff(remote.Backoff{Duration: 300 * time.Millisecond, Factor: 3, Jitter: 0.5, Steps: 4}),
		remote.WithRetryPredicate(func(err error) bool { return err != nil && ctx.Err() == nil && u.momentary(err) }),
	)
	return u, err
}

// momentary says whether to send something again.
func (u *upload) momentary(err error) bool {
	_, transient := explain(u.translate(err))
	return transient
}

// contents sends everything below a manifest: its blobs, or all that an index
// lists.
func (u *upload) contents(ctx context.Context, d document, depth int) error {
	if d.image != nil {
		return u.blobs(ctx, d.image)
	}
	if depth > u.limits.IndexDepth {
		return overLimit("IndexDepth", int64(u.limits.IndexDepth), "index %s lies too deep in other indexes", d.digest)
	}
	for _, entry := range d.index.Manifests {
		if u.seen++; u.seen > u.limits.Manifests {
			return overLimit("Manifests", int64(u.limits.Manifests), "index %s lists too many manifests", d.digest)
		}
		child, err := readManifest(ctx, u.from, entry.Digest)
		if err != nil {
			return err
		}
		if err := u.contents(ctx, child, depth+1); err != nil {
			return err
		}
		if err := u.manifest(ctx, u.repository.Digest(child.digest.String()), child); err != nil {
			return err
		}
	}
	return nil
}

// blobs sends the config and the layers of an image, several at a time.
func (u *upload) blobs(ctx context.Context, m *v1.Manifest) error {
	if err := checkLayers(m, u.limits); err != nil {
		return err
	}
	if m.Config.Size < 0 || m.Config.Size > u.limits.ConfigBytes {
		return overLimit("ConfigBytes", u.limits.ConfigBytes, "config %s of %d bytes", m.Config.Digest, m.Config.Size)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxUploads)
	for _, descriptor := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		group.Go(func() error { return u.blob(ctx, descriptor) })
	}
	return group.Wait()
}

func (u *upload) blob(ctx context.Context, descriptor v1.Descriptor) error {
	layer, err := partial.CompressedToLayer(&sentBlob{u, ctx, descriptor})
	if err != nil {
		return err
	}
	if u.beside != nil {
		layer = &remote.MountableLayer{Layer: layer, Reference: u.beside.Digest(descriptor.Digest.String())}
	}
	if err := u.pusher.Upload(ctx, u.repository, layer); err != nil {
		return fmt.Errorf("blob %s: %w", descriptor.Digest, err)
	}
	return nil
}

// besideOf is the repository of a subject if it is another one of the registry that
// is pushed to; nil otherwise.
func besideOf(from policy.Reference, to name.Repository) *name.Repository {
	if from.Transport != transportRegistry || from.Registry != to.RegistryStr() || from.Repository == to.RepositoryStr() {
		return nil
	}
	beside := to.Repo(from.Repository)
	return &beside
}

// manifest puts a manifest under a digest or a tag, unless it is there.
func (u *upload) manifest(ctx context.Context, reference name.Reference, d document) error {
	if err := u.pusher.Push(ctx, reference, verbatim{d.raw, d.mediaType}); err != nil {
		return fmt.Errorf("manifest %s: %w", d.digest, err)
	}
	return nil
}

// verbatim is a manifest as bytes, the form in which go-containerregistry sends
// it without looking into it. It implements remote.Taggable.
type verbatim struct {
	raw       []byte
	mediaType types.MediaType
}

func (v verbatim) RawManifest() ([]byte, error)        { return v.raw, nil }
func (v verbatim) MediaType() (types.MediaType, error) { return v.mediaType, nil }

// sentBlob is a blob of the source as go-containerregistry wants it. It
// implements partial.CompressedLayer, and may be opened again for each attempt.
type sentBlob struct {
	upload     *upload
	ctx        context.Context
	descriptor v1.Descriptor
}

func (b *sentBlob) Digest() (v1.Hash, error)            { return b.descriptor.Digest, nil }
func (b *sentBlob) Size() (int64, error)                { return b.descriptor.Size, nil }
func (b *sentBlob) MediaType() (types.MediaType, error) { return b.descriptor.MediaType, nil }

func (b *sentBlob) Compressed() (io.ReadCloser, error) {
	content, err := b.upload.from.openBlob(b.ctx, b.descriptor)
	if err != nil {
		return nil, err
	}
	sealed, err := newSealed(b.upload.watch(content, b.descriptor), b.descriptor.Digest, b.descriptor.Size)
	if err != nil {
		_ = content.Close() // the reason is err
		return nil, err
	}
	return &withheld{sealed, content}, nil
}

// withheld gives its last bytes away only after the digest was found right, so
// that nothing else ever arrives as a whole.
type withheld struct {
	*sealed
	io.Closer
}

func (w *withheld) Read(p []byte) (int, error) {
	n, err := w.sealed.Read(p)
	if w.read < w.size && err == nil {
		return n, nil
	}
	if wrong := w.end("digest"); wrong != nil {
		return 0, wrong
	}
	return n, err
}

// writeCounter counts what a registry took (OCI distribution spec: 201 and 202), to tell a push from one that found
// everything in place.
type writeCounter struct {
	inner http.RoundTripper
	done  *atomic.Int64
}

func (c *writeCounter) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := c.inner.RoundTrip(request)
	if err == nil && (response.StatusCode == http.StatusCreated || response.StatusCode == http.StatusAccepted) {
		c.done.Add(1)
	}
	return response, err
}
