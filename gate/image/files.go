package image

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/imagegate/imagegate/gate/filetree"
)

// Progress is a step on the way through one layer of one platform image.
type Progress struct {
	Reference string // as typed
	Platform  string
	Layer     string // digest, as in the manifest
	Read      int64  // compressed bytes so far
	Size      int64  // compressed bytes in all
}

// reading is how layers are read.
type reading struct {
	rules    filetree.Rules
	files    filetree.Limits
	parallel int
	ratio    int64
	progress func(Progress)
	layers   *layerMemory // nil: every layer is read
}

func (r reading) withDefaults(limits Limits) reading {
	if r.rules.Keep == nil {
		r.rules.Keep = func(string, []byte, int64) bool { return true }
	}
	if r.progress == nil {
		r.progress = func(Progress) {}
	}
	fill(&r.parallel, 2)
	r.ratio = limits.Ratio
	return r
}

// WithRules says of which files the content will be asked for, and what of it. Where
// that is not enough, a tree can be read again (gate.Rereadable). Default: all of all
// files, within the limits.
func WithRules(rules filetree.Rules) Option {
	return func(s *settings) error { s.reading.rules = rules; return nil }
}

// WithFileLimits bounds what the layers of one platform image may hold, and how
// much content stays in memory and on disk. Default: those of filetree.
func WithFileLimits(limits filetree.Limits) Option {
	return func(s *settings) error { s.reading.files = limits; return nil }
}

// WithParallelLayers is how many layers of one image are read at once. Default 2.
func WithParallelLayers(n int) Option {
	return func(s *settings) error {
		if n < 1 {
			return fmt.Errorf("at least one layer must be read at once, not %d", n)
		}
		s.reading.parallel = n
		return nil
	}
}

// WithProgress is told of layers as they arrive, from several goroutines.
// Default: nobody.
func WithProgress(progress func(Progress)) Option {
	return func(s *settings) error { s.reading.progress = progress; return nil }
}

// files reads each layer once, several at a time, and merges them in order. Those
// that are remembered are not read.
func (p *platform) files(ctx context.Context, memory *layerMemory, rules filetree.Rules) (*filetree.Tree, error) {
	diffIDs, err := p.diffIDs(ctx)
	if err != nil {
		return nil, err
	}
	store := filetree.NewStore(p.reading.files)
	layers, err := p.readLayers(ctx, store, diffIDs, memory, rules)
	if err != nil {
		_ = store.Close() // the reason is err
		return nil, err
	}
	tree, err := store.Merge(ctx, layers)
	if closing := store.Close(); err == nil {
		err = closing // the tree has its own hold on the store
	}
	return tree, err
}

// diffIDs checks that the config describes the layers of the manifest, as far as
// that can be said before they are read.
func (p *platform) diffIDs(ctx context.Context) ([]v1.Hash, error) {
	config, err := p.config(ctx)
	switch {
	case err != nil:
		return nil, err
	case config.OS == "windows":
		return nil, (&refused{message: "the file system of a Windows image cannot be inspected"}).
			advising("leave the platform out with `platforms` in the policy, if it is judged elsewhere")
	case !isImageConfig(p.manifest):
		return nil, refuse("it is no container image but %q", whatItIs(p.manifest))
	case len(config.RootFS.DiffIDs) != len(p.manifest.Layers):
		return nil, refuse("the manifest has %d layers, but the config has %d diff ids",
			len(p.manifest.Layers), len(config.RootFS.DiffIDs))
	}
	return config.RootFS.DiffIDs, nil
}

// readLayers reads the layers of an image. One that occurs twice, as empty layers
// do, is read once: the key is both digests, so that neither goes unverified.
func (p *platform) readLayers(ctx context.Context, store *filetree.Store, diffIDs []v1.Hash, memory *layerMemory, rules filetree.Rules) ([]*filetree.Layer, error) {
	type key struct{ blob, diffID v1.Hash }
	first := map[key]int{}
	layers := make([]*filetree.Layer, len(diffIDs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(p.reading.parallel)
	for i, descriptor := range p.manifest.Layers {
		k := key{descriptor.Digest, diffIDs[i]}
		if _, again := first[k]; again {
			continue
		}
		first[k] = i
		group.Go(func() (err error) {
			defer contain(&err)
			layers[i], err = memory.layer(ctx, store, descriptor, diffIDs[i], func() (*filetree.Layer, error) {
				return p.readLayer(ctx, store, descriptor, diffIDs[i], rules)
			})
			if err != nil {
				return fmt.Errorf("layer %d, %s: %w", i, descriptor.Digest, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, descriptor := range p.manifest.Layers {
		layers[i] = layers[first[key{descriptor.Digest, diffIDs[i]}]]
	}
	return layers, nil
}

// contain turns a panic of a decoder into an error: on a goroutine of ours it
// would otherwise end the process, and no caller could prevent it.
func contain(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("internal error: %v", r)
	}
}
