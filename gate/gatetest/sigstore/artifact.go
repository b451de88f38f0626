package sigstoretest

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imagegate/imagegate/gate"
)

// Artifact is a signature or attestation as the layer that carries it. Its fields
// may be changed to spoil it.
type Artifact struct {
	Digest      string // of the image it is about
	MediaType   string
	Payload     []byte
	Annotations map[string]string

	suffix string // of its tag; empty for a referrer
}

// Clone is a copy that can be spoiled by itself.
func (a Artifact) Clone() Artifact {
	a.Payload = append([]byte(nil), a.Payload...)
	a.Annotations = maps.Clone(a.Annotations)
	return a
}

// Attachment is the artifact as found beside the image it is about.
func (a Artifact) Attachment() gate.Attachment {
	layout := "referrer"
	if a.suffix != "" {
		layout = "tag"
	}
	return gate.Attachment{
		SubjectDigest: a.Digest, Layout: layout, Source: "test" + a.suffix,
		MediaType: a.MediaType, Annotations: a.Annotations, Payload: a.Payload,
	}
}

// Manifests are the manifests that carry artifacts about the manifest with this
// descriptor: by tag those of classic ones ("sha256-<hex>.sig" and ".att", a
// layer each), and a referrer for each bundle. Put them where they are needed.
func Manifests(subject v1.Descriptor, artifacts []Artifact) (tags map[string]v1.Image, referrers []v1.Image, err error) {
	tags = map[string]v1.Image{}
	for _, a := range artifacts {
		if a.suffix == "" {
			referrer, err := a.referrer(subject)
			if err != nil {
				return nil, nil, err
			}
			referrers = append(referrers, referrer)
			continue
		}
		tag := strings.Replace(subject.Digest.String(), ":", "-", 1) + a.suffix
		if tags[tag], err = a.appendTo(tags[tag]); err != nil {
			return nil, nil, err
		}
	}
	return tags, referrers, nil
}

// Push puts the manifests of artifacts into a repository, beside the manifest
// with this descriptor. A registry without the referrers API gets the fallback
// tag instead (OCI distribution specification 1.1). Classic artifacts that were
// pushed before are replaced.
func Push(repository name.Repository, subject v1.Descriptor, artifacts []Artifact, options ...remote.Option) error {
	tags, referrers, err := Manifests(subject, artifacts)
	if err != nil {
		return err
	}
	for tag, image := range tags {
		if err := remote.Write(repository.Tag(tag), image, options...); err != nil {
			return fmt.Errorf("pushing %s: %w", tag, err)
		}
	}
	for _, referrer := range referrers {
		digest, err := referrer.Digest()
		if err != nil {
			return fmt.Errorf("making referrer: %w", err)
		}
		if err := remote.Write(repository.Digest(digest.String()), referrer, options...); err != nil {
			return fmt.Errorf("pushing referrer: %w", err)
		}
	}
	return nil
}

// referrer is a manifest of its own that names its subject.
func (a Artifact) referrer(subject v1.Descriptor) (v1.Image, error) {
	image, err := a.appendTo(nil)
	if err != nil {
		return nil, err
	}
	image = mutate.ConfigMediaType(image, "application/vnd.oci.empty.v1+json")
	about, ok := mutate.Subject(image, subject).(v1.Image)
	if !ok {
		return nil, errors.New("a manifest with a subject is no image")
	}
	return about, nil
}

// appendTo adds the artifact as the last layer of a manifest; nil is a new one.
func (a Artifact) appendTo(image v1.Image) (v1.Image, error) {
	if image == nil {
		image = mutate.MediaType(empty.Image, types.OCIManifestSchema1)
		image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	}
	image, err := mutate.Append(image, mutate.Addendum{
		Layer: static.NewLayer(a.Payload, types.MediaType(a.MediaType)), Annotations: a.Annotations,
	})
	if err != nil {
		return nil, fmt.Errorf("adding layer: %w", err)
	}
	return image, nil
}
