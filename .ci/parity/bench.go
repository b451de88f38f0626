package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

// bench is where one case signs: a repository of its own in a registry.
type bench struct {
	*lab
	*keyring
	site       *site
	repository string
	images     int
}

// image pushes a new image and returns its reference by digest.
func (b *bench) image(ctx context.Context) (name.Digest, error) {
	image, err := b.newImage("amd64")
	if err != nil {
		return name.Digest{}, err
	}
	return b.push(ctx, image)
}

// newImage is unlike every other of the repository.
func (b *bench) newImage(architecture string) (v1.Image, error) {
	b.images++
	return simpleImage(architecture, []entry{{path: "app", content: fmt.Sprint(b.repository, b.images)}})
}

// pushable is an image or an index.
type pushable interface {
	remote.Taggable
	Digest() (v1.Hash, error)
}

func (b *bench) push(ctx context.Context, what pushable) (name.Digest, error) {
	return b.pushTo(ctx, b.repository, what)
}

func (b *bench) pushTo(ctx context.Context, repository string, what pushable) (name.Digest, error) {
	digest, err := what.Digest()
	if err != nil {
		return name.Digest{}, err
	}
	ref, err := name.NewDigest(repository + "@" + digest.String())
	if err != nil {
		return name.Digest{}, err
	}
	return ref, remote.Push(ref, what, remote.WithContext(ctx))
}

// index pushes an index of two platforms and returns its reference and those of
// its images.
func (b *bench) index(ctx context.Context) (index name.Digest, images []name.Digest, err error) {
	built := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, architecture := range []string{"amd64", "arm64"} {
		image, err := b.newImage(architecture)
		if err != nil {
			return index, nil, err
		}
		digest, err := image.Digest()
		if err != nil {
			return index, nil, err
		}
		images = append(images, index.Context().Digest(digest.String()))
		built = mutate.AppendManifests(built, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "linux", Architecture: architecture},
		}})
	}
	index, err = b.push(ctx, built)
	for i := range images {
		images[i] = index.Context().Digest(images[i].DigestStr())
	}
	return index, images, err
}

// sign signs with the real command.
func (b *bench) sign(ctx context.Context, m maker, key string, ref name.Digest, more ...string) error {
	args := append(append([]string{"sign"}, m.flags(b.keyring, key)...), more...)
	_, err := b.must(ctx, b.peers[m.version], append(args, ref.String())...)
	return err
}

// attest attaches an SBOM with the real command.
func (b *bench) attest(ctx context.Context, m maker, key string, ref name.Digest) error {
	document := filepath.Join(b.work, "sbom.json")
	if err := os.WriteFile(document, []byte(`{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[]}`), 0o600); err != nil {
		return err
	}
	args := append([]string{"attest", "--type", "spdxjson", "--predicate", document}, m.flags(b.keyring, key)...)
	_, err := b.must(ctx, b.peers[m.version], append(args, ref.String())...)
	return err
}

// attach signs in the private Sigstore and puts the result beside the image.
func (b *bench) attach(ctx context.Context, world *sigstoretest.World, by sigstoretest.Signer, form sigstoretest.Form, ref name.Digest, options ...sigstoretest.Option) error {
	artifact, err := world.Sign(ref.DigestStr(), by, form, options...)
	if err != nil {
		return err
	}
	return b.put(ctx, ref, artifact)
}

func (b *bench) put(ctx context.Context, ref name.Digest, artifacts ...sigstoretest.Artifact) error {
	subject, err := descriptorOf(ctx, ref)
	if err != nil {
		return err
	}
	return sigstoretest.Push(ref.Context(), subject, artifacts, remote.WithContext(ctx))
}

func descriptorOf(ctx context.Context, ref name.Reference) (v1.Descriptor, error) {
	found, err := remote.Head(ref, remote.WithContext(ctx))
	if err != nil {
		return v1.Descriptor{}, err
	}
	return v1.Descriptor{MediaType: found.MediaType, Digest: found.Digest, Size: found.Size}, nil
}

// transplant copies what is beside one image to another, changed on the way.
func (b *bench) transplant(ctx context.Context, m maker, from, to name.Digest, change func([]byte) ([]byte, error)) error {
	if m.bundle {
		return b.transplantBundles(ctx, from, to, change)
	}
	image, err := remote.Image(besideTag(from), remote.WithContext(ctx))
	if err != nil {
		return err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return err
	}
	copied := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, d := range manifest.Layers {
		content, err := blob(ctx, from.Context().Digest(d.Digest.String()))
		if err != nil {
			return err
		}
		if content, err = change(content); err != nil {
			return err
		}
		if copied, err = mutate.Append(copied, mutate.Addendum{Layer: static.NewLayer(content, d.MediaType), Annotations: d.Annotations}); err != nil {
			return err
		}
	}
	return remote.Write(besideTag(to), copied, remote.WithContext(ctx))
}

func besideTag(ref name.Digest) name.Tag {
	return ref.Context().Tag(strings.Replace(ref.DigestStr(), ":", "-", 1) + ".sig")
}

func (b *bench) transplantBundles(ctx context.Context, from, to name.Digest, change func([]byte) ([]byte, error)) error {
	referrers, err := remote.Referrers(from, remote.WithContext(ctx))
	if err != nil {
		return err
	}
	index, err := referrers.IndexManifest()
	if err != nil {
		return err
	}
	var copied []sigstoretest.Artifact
	for _, d := range index.Manifests {
		image, err := remote.Image(from.Context().Digest(d.Digest.String()), remote.WithContext(ctx))
		if err != nil {
			return err
		}
		manifest, err := image.Manifest()
		if err != nil {
			return err
		}
		content, err := blob(ctx, from.Context().Digest(manifest.Layers[0].Digest.String()))
		if err != nil {
			return err
		}
		if content, err = change(content); err != nil {
			return err
		}
		copied = append(copied, sigstoretest.Artifact{Digest: to.DigestStr(), MediaType: string(manifest.Layers[0].MediaType), Payload: content})
	}
	if len(copied) == 0 {
		return errors.New("there is nothing to copy")
	}
	return b.put(ctx, to, copied...)
}

func blob(ctx context.Context, ref name.Digest) ([]byte, error) {
	layer, err := remote.Layer(ref, remote.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	content, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(content)
}

// unchanged copies as it is.
func unchanged(content []byte) ([]byte, error) { return content, nil }

// spoiled changes what was signed in a way that means the same: white space after
// the payload.
func spoiled(content []byte) ([]byte, error) {
	var bundle map[string]json.RawMessage
	if err := json.Unmarshal(content, &bundle); err != nil {
		return nil, err
	}
	if bundle["dsseEnvelope"] == nil {
		return append(content, '\n'), nil
	}
	var envelope map[string]any
	if err := json.Unmarshal(bundle["dsseEnvelope"], &envelope); err != nil {
		return nil, err
	}
	payload, ok := envelope["payload"].(string)
	if !ok {
		return nil, errors.New("the envelope has no payload")
	}
	var text []byte
	if err := json.Unmarshal(fmt.Appendf(nil, "%q", payload), &text); err != nil {
		return nil, err
	}
	envelope["payload"] = append(text, '\n')
	var err error
	if bundle["dsseEnvelope"], err = json.Marshal(envelope); err != nil {
		return nil, err
	}
	return json.Marshal(bundle)
}
