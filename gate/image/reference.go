package image

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

// Transports, as policy.Reference has them.
const (
	transportRegistry      = "registry"
	transportOCI           = "oci"
	transportOCIArchive    = "oci-archive"
	transportDockerArchive = "docker-archive"
	transportDockerDaemon  = "docker-daemon"
)

// maxReference is longer than any reference that can be meant: 255 for registry
// and repository, 128 for the tag, 135 for a digest; the rest is for paths.
const maxReference = 4096

// location is a parsed reference: where to look, and for what.
type location struct {
	reference policy.Reference
	// digest as typed; zero where a tag or nothing was.
	digest v1.Hash
	// repository of a registry reference.
	repository name.Repository
	// path of a layout or an archive.
	path string
	// name inside a layout, an archive or an engine, as typed; may be empty.
	name string
}

// ParseReference takes a reference apart without asking anybody what it means. The
// error is a *gate.ReferenceError.
func ParseReference(typed string) (policy.Reference, error) {
	l, err := parse(typed)
	return l.reference, err
}

// parse reads a reference without looking at anything but its letters.
func parse(typed string) (location, error) {
	if reason, hint := unreadable(typed); reason != "" {
		return location{}, misnamed(typed, hint, "%s", reason)
	}
	transport, rest, found := strings.Cut(typed, ":")
	if found {
		switch transport {
		case transportOCI, transportOCIArchive, transportDockerArchive:
			return parseFile(typed, transport, rest)
		case transportDockerDaemon:
			return parseEngine(typed, rest)
		}
	}
	return parseRegistry(typed)
}

func misnamed(typed, hint, reason string, args ...any) error {
	return &gate.ReferenceError{Reference: typed, Reason: fmt.Sprintf(reason, args...), Hint: hint}
}

// unreadable says why a string is no reference of any kind.
func unreadable(typed string) (reason, hint string) {
	switch {
	case typed == "":
		return "the reference is empty", "name an image, for example registry.example.com/app:v1"
	case len(typed) > maxReference:
		return fmt.Sprintf("the reference is longer than %d bytes", maxReference), ""
	case strings.ContainsFunc(typed, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }):
		return fmt.Sprintf("reference %q has spaces or unprintable characters in it", typed), "take them out"
	case strings.HasPrefix(typed, "docker://"):
		return fmt.Sprintf("reference %q has a scheme", typed), "leave it out: " + strings.TrimPrefix(typed, "docker://")
	case strings.HasPrefix(typed, "http://"), strings.HasPrefix(typed, "https://"):
		_, rest, _ := strings.Cut(typed, "://")
		return fmt.Sprintf("reference %q has a scheme", typed), "leave it out: " + rest
	case strings.HasPrefix(typed, "/"), strings.HasPrefix(typed, "./"), strings.HasPrefix(typed, "../"):
		return fmt.Sprintf("reference %q is a path", typed),
			fmt.Sprintf("say what is there: oci:%s, oci-archive:%s or docker-archive:%s", typed, typed, typed)
	}
	return "", ""
}

// parseRegistry reads "repository", "repository:tag", "repository@digest" and
// "repository:tag@digest"; of the last, the digest is what counts.
func parseRegistry(typed string) (location, error) {
	base, digest, byDigest := strings.Cut(typed, "@")
	l := location{reference: policy.Reference{Typed: typed, Transport: transportRegistry, ByDigest: byDigest}}
	if byDigest {
		var err error
		if l.digest, err = parseDigest(typed, digest); err != nil {
			return location{}, err
		}
	}
	tag, err := name.NewTag(base, name.WeakValidation)
	if err != nil {
		return location{}, misnamed(typed, nearest(base), "reference %q cannot be read: %s", typed, printable(err.Error()))
	}
	l.repository = tag.Repository
	l.reference.Registry = tag.RegistryStr()
	l.reference.Repository = tag.RepositoryStr()
	if !byDigest || strings.HasSuffix(base, ":"+tag.TagStr()) {
		l.reference.Tag = tag.TagStr()
	}
	return l, nil
}

var hexDigits = regexp.MustCompile(`^[0-9a-f]*$`)

// parseDigest says what is wrong with a digest in the user's terms.
func parseDigest(typed, digest string) (v1.Hash, error) {
	hash, err := v1.NewHash(digest)
	if err == nil {
		return hash, nil
	}
	algorithm, hex, _ := strings.Cut(digest, ":")
	hint := "a digest looks like sha256:<64 hexadecimal digits>"
	switch {
	case algorithm == "sha256" && !hexDigits.MatchString(hex) && hexDigits.MatchString(strings.ToLower(hex)):
		hint = "write the digits in lower case"
	case algorithm == "sha256" && hexDigits.MatchString(hex):
		hint = fmt.Sprintf("a sha256 digest has 64 hexadecimal digits, this one has %d", len(hex))
	}
	return v1.Hash{}, misnamed(typed, hint, "reference %q has a digest that is none", typed)
}

// nearest guesses what was meant with a reference that cannot be parsed.
func nearest(base string) string {
	lower := strings.ToLower(base)
	if lower != base {
		if _, err := name.NewTag(lower, name.WeakValidation); err == nil {
			return "repository names are lower case: " + lower
		}
	}
	if trimmed := strings.TrimRight(base, ":/"); trimmed != base {
		if _, err := name.NewTag(trimmed, name.WeakValidation); err == nil {
			return "did you mean " + trimmed + "?"
		}
	}
	return "a reference looks like registry.example.com/app:v1 or registry.example.com/app@sha256:…"
}

// parseFile reads "PATH", "PATH:name" and, of layouts, "PATH@digest". The path ends
// at the first colon.
func parseFile(typed, transport, rest string) (location, error) {
	l := location{reference: policy.Reference{Typed: typed, Transport: transport}}
	if at := strings.LastIndex(rest, "@"); at >= 0 && transport != transportDockerArchive && strings.Contains(rest[at:], ":") {
		digest, err := parseDigest(typed, rest[at+1:])
		if err != nil {
			return location{}, err
		}
		l.digest, l.reference.ByDigest, rest = digest, true, rest[:at]
	}
	path, inner, named := strings.Cut(rest, ":")
	if path == "" {
		return location{}, misnamed(typed, fmt.Sprintf("for example %s:./image", transport), "reference %q names no path", typed)
	}
	if named && inner == "" {
		return location{}, misnamed(typed, "leave the last colon out", "reference %q has a colon but no name after it", typed)
	}
	l.path, l.name = path, inner
	return l, l.nameInside(typed, inner)
}

// parseEngine reads what `docker image ls` shows: a name with or without a tag, or
// an image id.
func parseEngine(typed, rest string) (location, error) {
	l := location{reference: policy.Reference{Typed: typed, Transport: transportDockerDaemon}, name: rest}
	if rest == "" {
		return location{}, misnamed(typed, "for example docker-daemon:app:v1", "reference %q names no image", typed)
	}
	if isImageID(rest) {
		return l, nil
	}
	inner, err := parseRegistry(rest)
	if err != nil {
		return location{}, misnamed(typed, "for example docker-daemon:app:v1", "reference %q cannot be read", typed)
	}
	// The digest of a name in an engine is that of the registry it came from, not
	// of what the engine hands out: the reference is not pinned by it.
	l.reference.Registry, l.reference.Repository, l.reference.Tag = inner.reference.Registry, inner.reference.Repository, inner.reference.Tag
	if !inner.reference.ByDigest && !strings.HasSuffix(rest, ":"+inner.reference.Tag) {
		l.name = rest + ":" + inner.reference.Tag // without a tag an engine sends all of them
	}
	return l, nil
}

var imageID = regexp.MustCompile(`^(sha256:)?[0-9a-f]{12,64}$`)

func isImageID(name string) bool { return imageID.MatchString(name) }

// nameInside keeps the tag of a name inside a layout or an archive.
func (l *location) nameInside(typed, inner string) error {
	switch {
	case inner == "":
		return nil
	case l.reference.Transport == transportDockerArchive:
		tag, err := name.NewTag(inner, name.WeakValidation)
		if err != nil {
			return misnamed(typed, "for example docker-archive:app.tar:app:v1", "reference %q has a name that cannot be read", typed)
		}
		l.reference.Registry, l.reference.Repository, l.reference.Tag = tag.RegistryStr(), tag.RepositoryStr(), tag.TagStr()
	default:
		l.reference.Tag = inner
	}
	return nil
}
