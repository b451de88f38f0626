package image

import (
	"bytes"
	"context"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/filetree"
	"github.com/imagegate/imagegate/policy"
)

// platform is one platform image. It implements gate.Platform.
type platform struct {
	digest    v1.Hash
	name      string
	reference string // as typed, for progress and messages
	manifest  *v1.Manifest
	err       error // why there is no manifest
	from      source
	limits    Limits
	reading   reading

	mu     sync.Mutex
	parsed *v1.ConfigFile
}

var _ gate.Platform = (*platform)(nil)

// Name is "os/architecture" with the variant, where there is one.
func (p *platform) Name() string { return p.name }

// Digest of the image's manifest.
func (p *platform) Digest() string { return p.digest.String() }

// Layers is their number; 0 where the manifest could not be read.
func (p *platform) Layers() int {
	if p.manifest == nil {
		return 0
	}
	return len(p.manifest.Layers)
}

// LayerSizes are the layers from the base, as the manifest states them.
func (p *platform) LayerSizes() []policy.LayerSize {
	if p.manifest == nil {
		return nil
	}
	sizes := make([]policy.LayerSize, len(p.manifest.Layers))
	for i, layer := range p.manifest.Layers {
		sizes[i] = policy.LayerSize{Digest: layer.Digest.String(), Bytes: layer.Size}
	}
	return sizes
}

// CompressedBytes are those of all layers, as the manifest states them.
func (p *platform) CompressedBytes() int64 {
	if p.manifest == nil {
		return 0
	}
	var total int64
	for _, layer := range p.manifest.Layers {
		total += layer.Size
	}
	return total
}

// Config reads the image config once.
func (p *platform) Config(ctx context.Context) (*v1.ConfigFile, error) {
	config, err := p.config(ctx)
	if err != nil {
		return nil, failed(err, "reading the config of %s (%s)", p.digest, p.name)
	}
	return config.DeepCopy(), nil
}

// Files reads every layer once and merges them into one tree.
func (p *platform) Files(ctx context.Context) (gate.FileTree, error) {
	tree, err := p.merged(ctx, p.reading.layers, p.reading.rules)
	if err != nil {
		return nil, err
	}
	return readableTree{tree, p}, nil
}

func (p *platform) merged(ctx context.Context, memory *layerMemory, rules filetree.Rules) (*filetree.Tree, error) {
	tree, err := p.files(ctx, memory, rules)
	if err != nil {
		return nil, failed(err, "reading the layers of %s (%s)", p.digest, p.name)
	}
	return tree, nil
}

// readableTree is a tree that can be read again, with more of its content.
type readableTree struct {
	*filetree.Tree

	of *platform
}

var _ gate.Rereadable = readableTree{}

// Again reads every layer, none from memory, and keeps what links give a wanted name, and
// all of what is kept.
func (t readableTree) Again(ctx context.Context) (gate.FileTree, error) {
	again, err := t.of.merged(ctx, nil, filetree.Rules{Keep: t.Linked(t.of.reading.rules.Keep)})
	if err != nil {
		return nil, err
	}
	return again, nil
}

// config is kept once it was read; a failure is not, since it may pass.
func (p *platform) config(ctx context.Context) (*v1.ConfigFile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parsed != nil {
		return p.parsed, nil
	}
	if p.manifest == nil {
		return nil, p.unreadable()
	}
	if size := p.manifest.Config.Size; size < 0 || size > p.limits.ConfigBytes {
		return nil, overLimit("ConfigBytes", p.limits.ConfigBytes, "config %s of %d bytes", p.manifest.Config.Digest, size)
	}
	raw, err := readBlob(ctx, p.from, p.manifest.Config)
	if err != nil {
		return nil, err
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return nil, refuse("config %s is no image config: %s", p.manifest.Config.Digest, err)
	}
	p.parsed = config
	return config, nil
}

func (p *platform) unreadable() error {
	if p.err != nil {
		return p.err
	}
	return errNoManifest
}
