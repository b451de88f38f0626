package image

import (
	"context"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// findAttached looks through index.json for what lies beside a digest: manifests
// that name it as their subject, cosign's tags as names of entries, the fallback
// tag, and what `cosign save` writes, which says only of what kind it is.
func (l *layout) findAttached(ctx context.Context, digest v1.Hash, found *collector) {
	for _, entry := range l.index.Manifests {
		list, err := l.attached(ctx, entry, digest)
		if err != nil {
			found.fail(fmt.Errorf("entry %s of the layout: %w", entry.Digest, err))
		}
		found.add(list)
	}
}

func (l *layout) attached(ctx context.Context, entry v1.Descriptor, digest v1.Hash) ([]candidate, error) {
	if entry.Digest == digest {
		return nil, nil
	}
	if refTag(entry) == tagFor(digest, "") && entry.MediaType.IsIndex() {
		return l.referrersIndex(ctx, entry, digest)
	}
	if !entry.MediaType.IsImage() {
		return nil, nil
	}
	d, err := readManifest(ctx, l, entry.Digest)
	switch {
	case err != nil:
		return nil, err
	case d.image == nil:
		return nil, nil
	case l.isTagOf(entry, digest):
		return allLayers(layoutDisk, d), nil
	case d.image.Subject != nil && d.image.Subject.Digest == digest:
		return signatureLayers(layoutDisk, d), nil
	}
	return nil, nil
}

// isTagOf says whether an entry is cosign's tag for the digest, by its name or by
// the kind that `cosign save` writes. The kind names no digest, and belongs to
// the images that stand beside it.
func (l *layout) isTagOf(entry v1.Descriptor, digest v1.Hash) bool {
	switch refTag(entry) {
	case tagFor(digest, ".sig"), tagFor(digest, ".att"):
		return true
	}
	switch entry.Annotations[annotationKind] {
	case kindPrefix + "sigs", kindPrefix + "atts":
		return slices.ContainsFunc(l.index.Manifests, func(other v1.Descriptor) bool {
			return other.Digest == digest && strings.HasPrefix(other.Annotations[annotationKind], kindPrefix+"image")
		})
	}
	return false
}

func (l *layout) referrersIndex(ctx context.Context, entry v1.Descriptor, digest v1.Hash) (list []candidate, err error) {
	index, err := readManifest(ctx, l, entry.Digest)
	if err != nil || index.index == nil {
		return nil, err
	}
	for i, referrer := range index.index.Manifests {
		if i >= l.limits.Attachments {
			return list, overLimit("Attachments", int64(l.limits.Attachments), "there are %d referrers", len(index.index.Manifests))
		}
		d, err := readManifest(ctx, l, referrer.Digest)
		if err != nil {
			return list, err
		}
		if d.image != nil && (d.image.Subject == nil || d.image.Subject.Digest == digest) {
			list = append(list, signatureLayers(layoutDisk, d)...)
		}
	}
	return list, nil
}

// refTag is the tag in the name of an entry, which may be a tag alone or a whole
// reference.
func refTag(entry v1.Descriptor) string {
	name := entry.Annotations[annotationRefName]
	if i := strings.LastIndex(name, ":"); i >= 0 {
		return name[i+1:]
	}
	return name
}

func isConfigType(artifactType string) bool { return types.MediaType(artifactType).IsConfig() }
