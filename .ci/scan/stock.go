package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

const (
	demoImages       = 320
	demoBases        = 20
	demoRepositories = 40
	baseBytes        = 1 << 20
)

// stocked is what was pushed.
type stocked struct {
	subjects, names int
	layers          map[string]int64 // compressed bytes by digest
}

func (s *stocked) bytes() (total int64) {
	for _, n := range s.layers {
		total += n
	}
	return total
}

// stock fills the registry: every tenth an index, every other signed, every fortieth
// with a layer that is none.
func (d *demonstration) stock() (*stocked, error) {
	key, err := sigstoretest.NewKey()
	if err != nil {
		return nil, err
	}
	world, err := sigstoretest.New()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(d.out, "cosign.pub"), key.PublicPEM(), 0o600); err != nil {
		return nil, err
	}
	s := &stocked{layers: map[string]int64{}}
	for i := range demoImages {
		pushed, err := s.make(i)
		if err != nil {
			return nil, err
		}
		tag, err := name.NewTag(fmt.Sprintf("%s/team-%d/app-%d:v%d", d.host, i%8, i%demoRepositories, i))
		if err != nil {
			return nil, err
		}
		if err := remote.Push(tag, pushed); err != nil {
			return nil, err
		}
		s.subjects++
		s.names++
		if i%5 == 0 { // another name
			if err := remote.Push(tag.Context().Tag(fmt.Sprintf("release-%d", i)), pushed); err != nil {
				return nil, err
			}
			s.names++
		}
		if i%2 == 0 {
			if err := signAs(world, key, tag); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

func signAs(world *sigstoretest.World, key *sigstoretest.Key, tag name.Tag) error {
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
}

func (s *stocked) make(i int) (remote.Taggable, error) {
	image, err := s.image(i, "amd64")
	if err != nil || i%10 != 0 {
		return image, err
	}
	arm, err := s.image(i, "arm64")
	if err != nil {
		return nil, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, add := range []struct {
		image        v1.Image
		architecture string
	}{{image, "amd64"}, {arm, "arm64"}} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: add.image, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "linux", Architecture: add.architecture},
		}})
	}
	return index, nil
}

func (s *stocked) image(i int, architecture string) (v1.Image, error) {
	base, err := layer(chance(i%demoBases), fmt.Sprint("base ", i%demoBases), baseBytes)
	if err != nil {
		return nil, err
	}
	own, err := layer(chance(1000+i), fmt.Sprint("app ", i, architecture), 32<<10)
	if err != nil {
		return nil, err
	}
	if i%40 == 3 {
		own = static.NewLayer([]byte(fmt.Sprint("this is no archive ", i)), types.OCIUncompressedLayer)
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if image, err = mutate.AppendLayers(image, base, own); err != nil {
		return nil, err
	}
	for _, l := range []v1.Layer{base, own} {
		digest, err := l.Digest()
		if err != nil {
			return nil, err
		}
		if s.layers[digest.String()], err = l.Size(); err != nil {
			return nil, err
		}
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", architecture
	if i%3 != 0 {
		file.Config.User = "10001:10001"
	}
	file.Config.Cmd = []string{fmt.Sprintf("/srv/%d", i)}
	return mutate.ConfigFile(image, file)
}
