package target

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// looked is a reference after its manifest was read.
type looked struct {
	Reference
	artifact string // what it is where it is no image
}

// accepted are the manifests that registries keep for images.
var accepted = strings.Join([]string{
	string(types.OCIImageIndex), string(types.DockerManifestList), string(types.OCIManifestSchema1), string(types.DockerManifestSchema2),
}, ", ")

// look resolves a tag to its digest and says whether it is an image. What cannot be
// looked at stays a reference without a digest: the gate will say why it cannot be
// judged.
func (l *lister) look(ctx context.Context, at place, tag string, pushed time.Time) looked {
	repository := at.resource.(name.Repository) //nolint:forcetypeassert // tags are of repositories
	r := looked{Reference: Reference{Name: repository.Name() + ":" + tag, Updated: pushed}}
	got, err := l.manifest(ctx, at, tag)
	if err != nil {
		return r
	}
	sum := sha256.Sum256(got.body)
	r.Digest = "sha256:" + hex.EncodeToString(sum[:])
	var m manifest
	if json.Unmarshal(got.body, &m) != nil {
		return r // the gate says what is wrong with it
	}
	if m.MediaType == "" {
		m.MediaType = types.MediaType(got.header.Get("Content-Type"))
	}
	r.artifact = whatElse(m)
	if besideTag.MatchString(tag) && !m.runs(func(d v1.Hash) (manifest, error) { return l.child(ctx, at, d) }) {
		r.artifact = besideAnother
	}
	if r.artifact != "" || !l.options.Tags.byTime() {
		return r
	}
	if r.Updated.IsZero() {
		r.Updated = l.updated(ctx, at, m, got.header)
	}
	return r
}

func (l *lister) manifest(ctx context.Context, at place, reference string) (answer, error) {
	repository := at.resource.(name.Repository) //nolint:forcetypeassert // tags are of repositories
	return l.sessions.get(ctx, at, "/v2/"+repository.RepositoryStr()+"/manifests/"+reference, accepted, l.options.Limits.Manifest)
}

// child reads a manifest by its digest.
func (l *lister) child(ctx context.Context, at place, digest v1.Hash) (m manifest, err error) {
	got, err := l.manifest(ctx, at, digest.String())
	if err != nil {
		return m, err
	}
	if sum := sha256.Sum256(got.body); hex.EncodeToString(sum[:]) != digest.Hex {
		return m, fmt.Errorf("manifest %s is not what its digest says", digest)
	}
	return m, json.Unmarshal(got.body, &m)
}

// updated is when an image was pushed, as far as the registry tells, or created,
// as far as it says; zero where neither is known. Reproducible builds say 1970.
func (l *lister) updated(ctx context.Context, at place, m manifest, header http.Header) time.Time {
	if t, err := http.ParseTime(header.Get("Last-Modified")); err == nil {
		return t.UTC()
	}
	if t, err := time.Parse(time.RFC3339, m.Annotations["org.opencontainers.image.created"]); err == nil && plausible(t) {
		return t.UTC()
	}
	if len(m.Manifests) > 0 {
		child, err := l.child(ctx, at, m.Manifests[0].Digest)
		if err != nil {
			return time.Time{}
		}
		m = child
	}
	return l.created(ctx, at, m.Config)
}

// created reads the image config. Its bytes are held against the digest that the
// manifest names.
func (l *lister) created(ctx context.Context, at place, config v1.Descriptor) time.Time {
	limit := l.options.Limits.Config
	if config.Digest.Algorithm != "sha256" || config.Size > limit {
		return time.Time{}
	}
	repository := at.resource.(name.Repository) //nolint:forcetypeassert // configs are of repositories
	got, err := l.sessions.get(ctx, at, "/v2/"+repository.RepositoryStr()+"/blobs/"+config.Digest.String(), "", limit)
	if err != nil {
		return time.Time{}
	}
	sum := sha256.Sum256(got.body)
	var file struct{ Created time.Time }
	if hex.EncodeToString(sum[:]) != config.Digest.Hex || json.Unmarshal(got.body, &file) != nil || !plausible(file.Created) {
		return time.Time{}
	}
	return file.Created.UTC()
}

// plausible leaves out the times that builders write who do not tell the time.
func plausible(t time.Time) bool { return t.Year() > 1980 }
