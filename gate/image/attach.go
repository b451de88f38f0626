package image

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imagegate/imagegate/gate"
)

// maxSignatureWrites is how often a signature is added again because somebody who
// signed at the same time has overwritten it.
const maxSignatureWrites = 3

// AttachSignature adds a signature to those under cosign's tag ".sig" for its
// SubjectDigest in the repository of the destination; those that are there stay.
// A registry has no way to add to a manifest, so the tag is written anew and read
// back until the signature is among the others. The error is an *Error.
func (i *Images) AttachSignature(ctx context.Context, to Destination, signature gate.Attachment) error {
	digest, err := v1.NewHash(signature.SubjectDigest)
	if err == nil && signature.MediaType != typeSimpleSigning {
		err = refuse("%q does not belong under a signature tag", signature.MediaType)
	}
	if err == nil {
		err = i.attachSignature(ctx, to, tagFor(digest, ".sig"), signature)
	}
	return failed(err, "signing %s", to.pinned(signature.SubjectDigest))
}

func (i *Images) attachSignature(ctx context.Context, to Destination, tag string, signature gate.Attachment) error {
	u, err := i.openUpload(ctx, to)
	if err != nil {
		return err
	}
	layer := v1.Descriptor{
		MediaType: types.MediaType(signature.MediaType), Digest: sha256Of(signature.Payload),
		Size: int64(len(signature.Payload)), Annotations: signature.Annotations,
	}
	there := &registry{repository: u.repository, sessions: i.sessions, limits: i.limits}
	for attempt := 0; ; attempt++ {
		existing, err := there.signatures(ctx, tag)
		if err != nil || holds(existing, layer) {
			return err
		}
		if attempt == maxSignatureWrites {
			return &contendedError{tag}
		}
		if len(existing.Layers) >= i.limits.Attachments {
			return overLimit("Attachments", int64(i.limits.Attachments), "there are %d signatures already", len(existing.Layers))
		}
		existing.Layers = append(existing.Layers, layer)
		if err := u.signatures(ctx, tag, existing, signature.Payload); err != nil {
			return u.translate(err)
		}
	}
}

func holds(list *v1.Manifest, layer v1.Descriptor) bool {
	return slices.ContainsFunc(list.Layers, func(other v1.Descriptor) bool {
		return other.Digest == layer.Digest && maps.Equal(other.Annotations, layer.Annotations)
	})
}

// contendedError is a tag that others write at the same time.
type contendedError struct{ tag string }

func (e *contendedError) Error() string   { return "others write the tag " + e.tag + " at the same time" }
func (e *contendedError) Remedy() string  { return "try again; what is there is not done again" }
func (e *contendedError) Transient() bool { return true }

// signatures reads the manifest under a signature tag; where there is none, an
// empty one to begin with.
func (r *registry) signatures(ctx context.Context, tag string) (*v1.Manifest, error) {
	raw, mediaType, err := r.manifest(ctx, tag)
	if isStatus(err, http.StatusNotFound) {
		return &v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := parseDocument(raw, sha256Of(raw), mediaType)
	if err != nil {
		return nil, err
	}
	if d.image == nil {
		return nil, refuse("the tag %s is an index, not a list of signatures", tag)
	}
	d.image.MediaType = d.mediaType
	return d.image, nil
}

// signatures writes a list of signatures whose last one is new. Its config is that
// of an image, as cosign makes it: the payloads are its layers, uncompressed.
func (u *upload) signatures(ctx context.Context, tag string, list *v1.Manifest, payload []byte) error {
	config := v1.ConfigFile{RootFS: v1.RootFS{Type: "layers"}}
	for _, layer := range list.Layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, layer.Digest)
		config.History = append(config.History, v1.History{})
	}
	rawConfig, err := json.Marshal(config)
	if err != nil {
		return err
	}
	list.Config = v1.Descriptor{MediaType: types.OCIConfigJSON, Digest: sha256Of(rawConfig), Size: int64(len(rawConfig))}
	for _, blob := range []v1.Layer{
		static.NewLayer(payload, typeSimpleSigning), static.NewLayer(rawConfig, types.OCIConfigJSON),
	} {
		if err := u.pusher.Upload(ctx, u.repository, blob); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return u.pusher.Push(ctx, u.repository.Tag(tag), verbatim{raw, list.MediaType})
}
