package image

import (
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imagegate/imagegate/policy"
)

// Destination is a tag of a registry to push to. ParseDestination makes one.
type Destination struct {
	typed string
	tag   name.Tag
}

// ParseDestination reads "registry/repository:tag". A digest is refused, since it
// follows from what is pushed, and so is a missing tag: nobody should move
// "latest" by forgetting something. The error is a *gate.ReferenceError.
func ParseDestination(typed string) (Destination, error) {
	l, err := parse(typed)
	if err != nil {
		return Destination{}, err
	}
	repository, _, _ := strings.Cut(typed, "@")
	switch {
	case l.reference.Transport != transportRegistry:
		return Destination{}, misnamed(typed, "push to a registry, for example registry.example.com/app:v1",
			"destination %q is no registry", typed)
	case l.reference.ByDigest:
		return Destination{}, misnamed(typed, "name a tag; the digest is that of what was judged",
			"destination %q names a digest", typed)
	case !strings.HasSuffix(repository, ":"+l.reference.Tag):
		return Destination{}, misnamed(typed, "for example "+typed+":v1", "destination %q names no tag", typed)
	case besideTag.MatchString(l.reference.Tag):
		return Destination{}, misnamed(typed, "choose another tag", "destination %q is a tag where signatures are kept", typed)
	}
	return Destination{typed: typed, tag: l.repository.Tag(l.reference.Tag)}, nil
}

// String is the destination as typed.
func (d Destination) String() string { return d.typed }

// Repository is its full name, without the tag.
func (d Destination) Repository() string { return d.tag.Repository.Name() }

// pinned is a digest in the repository, as a reference.
func (d Destination) pinned(digest string) string { return d.Repository() + "@" + digest }

// is says whether a reference names this very tag.
func (d Destination) is(r policy.Reference) bool {
	return r.Transport == transportRegistry && !r.ByDigest &&
		r.Registry == d.tag.RegistryStr() && r.Repository == d.tag.RepositoryStr() && r.Tag == d.tag.TagStr()
}
