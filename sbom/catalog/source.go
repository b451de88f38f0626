package catalog

import (
	"slices"
	"strings"

	"github.com/anchore/syft/syft/artifact"
	"github.com/anchore/syft/syft/file"
	syftsource "github.com/anchore/syft/syft/source"

	"github.com/imagegate/imagegate/sbom"
)

// source introduces an image to syft: an image that was read already.
type source struct {
	image    sbom.Image
	resolver *resolver
}

var _ syftsource.Source = (*source)(nil)

// ID is the hex form of the manifest's digest, as syft derives it from a manifest.
func (s *source) ID() artifact.ID {
	_, hex, _ := strings.Cut(s.image.Digest, ":")
	return artifact.ID(hex)
}

// FileResolver has one scope: the squashed one.
func (s *source) FileResolver(syftsource.Scope) (file.Resolver, error) { return s.resolver, nil }

// Close leaves the files to whoever opened them.
func (s *source) Close() error { return nil }

// Describe names the image by digest; the tag it was found by is a label of it.
func (s *source) Describe() syftsource.Description {
	repository, tag := splitName(s.image.Name)
	platform := strings.SplitN(s.image.Platform, "/", 3)
	platform = append(platform, "", "", "")
	metadata := syftsource.ImageMetadata{
		UserInput:      s.image.Name,
		ManifestDigest: s.image.Digest,
		MediaType:      s.image.MediaType,
		Tags:           []string{},
		RepoDigests:    []string{},
		OS:             platform[0],
		Architecture:   platform[1],
		Variant:        platform[2],
		Labels:         s.image.Labels,
	}
	if tag != "" {
		metadata.Tags = append(metadata.Tags, repository+":"+tag)
	}
	if !isLocal(s.image.Name) {
		metadata.RepoDigests = append(metadata.RepoDigests, repository+"@"+s.image.Digest)
	}
	for _, diffID := range s.image.DiffIDs {
		metadata.Layers = append(metadata.Layers, syftsource.LayerMetadata{Digest: diffID})
	}
	return syftsource.Description{
		ID:       string(s.ID()),
		Name:     repository,
		Version:  s.image.Digest,
		Metadata: metadata,
	}
}

// localPrefixes are the transports of DESIGN's references that are no registry.
var localPrefixes = []string{"oci:", "oci-archive:", "docker-archive:", "docker-daemon:"}

func isLocal(name string) bool {
	return slices.ContainsFunc(localPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// splitName separates the repository from the tag and drops a digest. A name that is
// no registry's stays whole.
func splitName(name string) (repository, tag string) {
	if isLocal(name) {
		return name, ""
	}
	name, _, _ = strings.Cut(name, "@")
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		return name[:colon], name[colon+1:]
	}
	return name, ""
}
