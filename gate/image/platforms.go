package image

import (
	"context"
	"errors"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
)

// maxManifestReads is how many manifests of an index are read at once.
const maxManifestReads = 4

// platforms lists the platform images below the root, with their manifests.
func (s *subject) platforms(ctx context.Context) ([]*platform, error) {
	if s.root.image != nil {
		only, err := s.single(ctx)
		return []*platform{only}, err
	}
	w := indexWalk{from: s.from, limits: s.limits}
	if err := w.descend(ctx, s.root, 1); err != nil {
		return nil, err
	}
	found := make([]*platform, len(w.images))
	var group errgroup.Group
	group.SetLimit(maxManifestReads)
	for i, descriptor := range w.images {
		group.Go(func() error {
			found[i] = s.platformOf(ctx, descriptor)
			return nil
		})
	}
	_ = group.Wait() // each platform keeps its own error
	found = slices.DeleteFunc(found, func(p *platform) bool { return p == nil })
	if len(found) == 0 {
		return nil, (&refused{message: "index " + s.root.digest.String() + " lists no platform image"}).
			advising("push the index together with its images")
	}
	return found, ctx.Err()
}

// single is the one image that the subject is. Without a readable config there is
// no telling for which platform.
func (s *subject) single(ctx context.Context) (*platform, error) {
	if !isImageConfig(s.root.image) {
		return nil, refuse("%s is no container image but %q", s.root.digest, whatItIs(s.root.image))
	}
	p := s.newPlatform(s.root.digest)
	if p.err = checkLayers(s.root.image, s.limits); p.err != nil {
		return nil, p.err
	}
	p.manifest = s.root.image
	config, err := p.config(ctx)
	if err != nil {
		return nil, err
	}
	p.name = platformName(v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant, OSVersion: config.OSVersion})
	return p, nil
}

// platformOf reads the manifest behind an entry of an index; nil where the entry
// is no image.
func (s *subject) platformOf(ctx context.Context, entry v1.Descriptor) *platform {
	p := s.newPlatform(entry.Digest)
	if entry.Platform != nil {
		p.name = platformName(*entry.Platform)
	}
	d, err := readManifest(ctx, s.from, entry.Digest)
	if err == nil && d.image == nil {
		err = refuse("index entry %s is called an image, but is an index", entry.Digest)
	}
	if err == nil {
		err = checkLayers(d.image, s.limits)
	}
	if err != nil {
		p.err = err
		return p
	}
	p.manifest = d.image
	if entry.Platform == nil && !s.nameByConfig(ctx, p) {
		return nil
	}
	return p
}

// nameByConfig finds the platform of an entry that its index gives none. Such an
// entry is left out only if no runtime would take it for an image: it calls
// itself something else, and its config names no architecture.
func (s *subject) nameByConfig(ctx context.Context, p *platform) bool {
	config, err := p.config(ctx)
	switch {
	case err != nil:
		p.err = err
		return true
	case config.Architecture == "" && !isImageConfig(p.manifest):
		return false
	}
	p.name = platformName(v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant, OSVersion: config.OSVersion})
	return true
}

func (s *subject) newPlatform(digest v1.Hash) *platform {
	return &platform{digest: digest, name: unnamed, from: s.from, limits: s.limits, reading: s.reading, reference: s.reference.Typed}
}

// unnamed is the name of a platform image that says nowhere what it is for.
const unnamed = "unknown"

// platformName is "os/architecture[/variant]" and, of Windows, the version that
// tells its images apart.
func platformName(p v1.Platform) string {
	if name := printable(p.String()); name != "" {
		return name
	}
	return unnamed
}

// indexWalk flattens an index, and the indexes in it, to the images in them. An
// index cannot contain itself, since its digest was verified; what is left is to
// bound how deep and how often.
type indexWalk struct {
	from   source
	limits Limits
	images []v1.Descriptor
	seen   int
}

func (w *indexWalk) descend(ctx context.Context, d document, depth int) error {
	if depth > w.limits.IndexDepth {
		return overLimit("IndexDepth", int64(w.limits.IndexDepth), "index %s lies too deep in other indexes", d.digest)
	}
	for _, entry := range d.index.Manifests {
		if w.seen++; w.seen > w.limits.Manifests {
			return overLimit("Manifests", int64(w.limits.Manifests), "index %s lists too many manifests", d.digest)
		}
		if err := w.add(ctx, entry, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *indexWalk) add(ctx context.Context, entry v1.Descriptor, depth int) error {
	switch {
	case isNoPlatform(entry):
		return nil
	case entry.MediaType.IsIndex():
		nested, err := readManifest(ctx, w.from, entry.Digest)
		if err != nil {
			return err
		}
		if nested.index == nil {
			return refuse("index entry %s is called an index, but is an image", entry.Digest)
		}
		return w.descend(ctx, nested, depth+1)
	}
	if !slices.ContainsFunc(w.images, func(known v1.Descriptor) bool { return sameImage(known, entry) }) {
		w.images = append(w.images, entry)
	}
	return nil
}

// isNoPlatform finds the attestation manifests of BuildKit. Their annotation
// alone is not enough: a runtime looks at the platform, and would run an image
// that only claims to be an attestation.
func isNoPlatform(entry v1.Descriptor) bool {
	return entry.Platform != nil && entry.Platform.OS == "unknown" && entry.Platform.Architecture == "unknown"
}

func sameImage(a, b v1.Descriptor) bool {
	if a.Digest != b.Digest || (a.Platform == nil) != (b.Platform == nil) {
		return false
	}
	return a.Platform == nil || a.Platform.Equals(*b.Platform)
}

// errNoManifest is what a platform without manifest answers when it kept no
// better reason.
var errNoManifest = errors.New("its manifest could not be read")

// checkLayers bounds what a manifest announces before anything of it is fetched.
func checkLayers(m *v1.Manifest, limits Limits) error {
	if len(m.Layers) > limits.Layers {
		return overLimit("Layers", int64(limits.Layers), "the image has %d layers", len(m.Layers))
	}
	var total int64
	for _, layer := range m.Layers {
		if layer.Size < 0 {
			return refuse("layer %s has a negative size", layer.Digest)
		}
		if total += layer.Size; total > limits.CompressedBytes || total < 0 {
			return overLimit("CompressedBytes", limits.CompressedBytes, "the layers of the image")
		}
	}
	return nil
}
