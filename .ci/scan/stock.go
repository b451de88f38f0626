package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
	"github.com/imagegate/imagegate/policy"
)

const (
	demoImages       = 320
	demoBases        = 20
	demoRepositories = 40
	baseBytes        = 4 << 20
	ownBytes         = 64 << 10
)

// stocked is what was pushed.
type stocked struct {
	names    int
	indexes  int
	kinds    map[string]int
	expected map[string]policy.Decision // by the name under which it was pushed
	kindOf   map[string]string
	layers   map[string]int64 // bytes that the registry has of each, by digest
	torn     map[string]bool  // those that are not what their digest says
}

func (s *stocked) bytes() (total int64) {
	for _, n := range s.layers {
		total += n
	}
	return total
}

// made is one image in the registry.
type made struct {
	tag      name.Tag
	taggable remote.Taggable
	own      v1.Layer
	child    v1.Image // of an index, the second
}

// stock fills the registry, and then damages some of what it stored.
func stock(out string, registry *distribution) (*stocked, error) {
	sign, err := newSigner(filepath.Join(out, "cosign.pub"))
	if err != nil {
		return nil, err
	}
	s := &stocked{kinds: map[string]int{}, expected: map[string]policy.Decision{}, kindOf: map[string]string{}, layers: map[string]int64{}, torn: map[string]bool{}}
	bases := make([]v1.Layer, demoBases)
	for base := range bases {
		if bases[base], err = baseLayer(base); err != nil {
			return nil, err
		}
	}
	for i := range demoImages {
		r := recipes(i)
		m, err := s.make(registry.host, r, i, bases[i%demoBases])
		if err != nil {
			return nil, err
		}
		if err := s.push(r, m); err != nil {
			return nil, err
		}
		if !r.unsigned {
			if err := sign(m.tag); err != nil {
				return nil, err
			}
		}
		if r.damage != nil {
			if err := r.damage(registry, s, m); err != nil {
				return nil, fmt.Errorf("damaging %s: %w", m.tag, err)
			}
		}
	}
	return s, nil
}

// newSigner signs as cosign does with a key, without a log.
func newSigner(publicKey string) (func(name.Tag) error, error) {
	key, err := sigstoretest.NewKey()
	if err != nil {
		return nil, err
	}
	world, err := sigstoretest.New()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(publicKey, key.PublicPEM(), 0o600); err != nil {
		return nil, err
	}
	return func(tag name.Tag) error {
		found, err := remote.Head(tag)
		if err != nil {
			return err
		}
		artifact, err := world.Sign(found.Digest.String(), key, sigstoretest.Classic, sigstoretest.WithoutLog())
		if err != nil {
			return err
		}
		subject := v1.Descriptor{MediaType: found.MediaType, Digest: found.Digest, Size: found.Size}
		return sigstoretest.Push(tag.Context(), subject, []sigstoretest.Artifact{artifact})
	}, nil
}

// make builds image i after its recipe.
func (s *stocked) make(host string, r recipe, i int, base v1.Layer) (m made, err error) {
	if m.tag, err = name.NewTag(fmt.Sprintf("%s/team-%d/app-%d:v%d", host, i%8, i%demoRepositories, i)); err != nil {
		return m, err
	}
	if m.own, err = r.ownLayer(i, "amd64"); err != nil {
		return m, err
	}
	image, err := r.image(i, base, m.own, "amd64")
	if err != nil {
		return m, err
	}
	m.taggable = image
	if err := s.count(base, m.own); err != nil || !r.index {
		return m, err
	}
	arm, err := r.ownLayer(i, "arm64")
	if err != nil {
		return m, err
	}
	if m.child, err = r.image(i, base, arm, "arm64"); err != nil {
		return m, err
	}
	m.taggable = indexOf(image, m.child)
	return m, s.count(arm)
}

// count notes the layers of an image.
func (s *stocked) count(layers ...v1.Layer) error {
	for _, l := range layers {
		digest, err := l.Digest()
		if err != nil {
			return err
		}
		if s.layers[digest.String()], err = l.Size(); err != nil {
			return err
		}
	}
	return nil
}

// push pushes it, under a second name if it is to have one.
func (s *stocked) push(r recipe, m made) error {
	if err := remote.Push(m.tag, m.taggable); err != nil {
		return err
	}
	s.names++
	s.kinds[r.kind]++
	s.expected[m.tag.String()], s.kindOf[m.tag.String()] = r.expected, r.kind
	if r.index {
		s.indexes++
	}
	if r.kind == "clean, two names" {
		s.names++
		return remote.Tag(m.tag.Context().Tag("stable-"+m.tag.TagStr()), m.taggable)
	}
	return nil
}
