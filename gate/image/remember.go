package image

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagegate/imagegate/gate"
)

// WithMemory remembers manifests and configs of registries by their digests, and
// does not fetch them again. What a reference names is still asked each time, so
// that nobody is told about an image that the registry would not show them.
// Default: nothing is remembered.
func WithMemory(memory gate.Memory) Option {
	return func(s *settings) error {
		if memory == nil {
			return errors.New("the memory must not be nil")
		}
		s.memory = memory
		return nil
	}
}

// remembered is a source that looks into a memory first. What it finds there is
// verified like anything else: a memory that lies is one that has forgotten.
type remembered struct {
	source

	memory gate.Memory
}

func (r remembered) rawManifest(ctx context.Context, digest v1.Hash) (raw []byte, mediaType string, err error) {
	key := "manifest " + digest.String()
	if value, _, ok := r.memory.Get(ctx, key); ok {
		mediaType, manifest, ok := strings.Cut(string(value), "\n")
		if ok && verify([]byte(manifest), digest) == nil {
			return []byte(manifest), mediaType, nil
		}
	}
	raw, mediaType, err = r.source.rawManifest(ctx, digest)
	if err == nil && verify(raw, digest) == nil {
		r.memory.Put(ctx, key, append([]byte(mediaType+"\n"), raw...))
	}
	return raw, mediaType, err
}

// openBlob remembers configs, which are small and asked for in every check.
func (r remembered) openBlob(ctx context.Context, descriptor v1.Descriptor) (io.ReadCloser, error) {
	if !descriptor.MediaType.IsConfig() {
		return r.source.openBlob(ctx, descriptor)
	}
	key := "config " + descriptor.Digest.String()
	if value, _, ok := r.memory.Get(ctx, key); ok && verify(value, descriptor.Digest) == nil {
		return io.NopCloser(bytes.NewReader(value)), nil
	}
	content, err := readBlob(ctx, r.source, descriptor)
	if err != nil {
		return nil, err
	}
	r.memory.Put(ctx, key, content)
	return io.NopCloser(bytes.NewReader(content)), nil
}
