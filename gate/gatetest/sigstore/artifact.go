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

// Push puts artifacts beside the manifest with this descriptor: classic ones as
// the layers of its .sig and .att tags, each bundle as a referrer. A registry
// without the referrers API gets the fallback tag instead (OCI distribution
// specification 1.1). Classic artifacts pushed before are replaced.
func Push(repository name.Repository, subject v1.Descriptor, artifacts []Artifact, options ...remote.Option) error {
	var tags = map[string]v1.Image{}
	for _, a := range artifacts {
		if a.suffix == "" {
			if err := a.refer(repository, subject, options); err != nil {
				return err
			}
			continue
		}
		tag := strings.Replace(subject.Digest.String(), ":", "-", 1) + a.suffix
		image, err := a.appendTo(tags[tag])
		if err != nil {
			return err
		}
		tags[tag] = image
	}
	for tag, image := range tags {
		if err := remote.Write(repository.Tag(tag), image, options...); err != nil {
			return fmt.Errorf("pushing %s: %w", tag, err)
		}
	}
	return nil
}

// refer pushes a bundle as a referrer of its subject.
func (a Artifact) refer(repository name.Repository, subject v1.Descriptor, options []remote.Option) error {
	image, err := a.appendTo(nil)
	if err != nil {
		return err
	}
	image = mutate.ConfigMediaType(image, "application/vnd.oci.empty.v1+json")
	about, ok := mutate.Subject(image, subject).(v1.Image)
	if !ok {
		return errors.New("a manifest with a subject is no image")
	}
	digest, err := about.Digest()
	if err != nil {
		return fmt.Errorf("making referrer: %w", err)
	}
	if err := remote.Write(repository.Digest(digest.String()), about, options...); err != nil {
		return fmt.Errorf("pushing referrer: %w", err)
	}
	return nil
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
