package target

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/google/go-containerregistry/pkg/name"
)

// kind says how a target is listed.
type kind int

const (
	ofReference  kind = iota // one reference, as it is
	ofRegistry               // a catalog, perhaps with globs
	ofRepository             // the tags of one repository
	ofLines                  // a file or standard input
	ofLayouts                // a folder
	ofCluster                // a cluster's workloads
)

// parsed is a target taken apart.
type parsed struct {
	kind       kind
	typed      string
	host       string // of a registry
	repository string // glob, or the name of one repository
	tag        string // glob; empty means any
	rest       string // path, context or reference
}

// stdin is the target that means standard input.
const stdin = "-"

// maxTarget is longer than any target that can be meant.
const maxTarget = 4096

// parse reads a target without looking at anything but its letters.
func parse(typed string) (parsed, error) {
	p := parsed{typed: typed}
	switch {
	case typed == "":
		return p, malformed(typed, "a target is empty", "give a registry, a repository, a glob, a file or cluster:")
	case len(typed) > maxTarget:
		return p, malformed(typed, "a target is too long", "")
	case typed == stdin:
		p.kind, p.rest = ofLines, stdin
		return p, nil
	}
	if prefix, rest, found := strings.Cut(typed, ":"); found {
		switch prefix {
		case "file":
			p.kind, p.rest = ofLines, rest
			return p, nonEmpty(p)
		case "oci":
			p.kind, p.rest = ofLayouts, rest
			return p, nonEmpty(p)
		case "cluster":
			p.kind, p.rest = ofCluster, rest
			return p, nil
		case "oci-archive", "docker-archive", "docker-daemon":
			p.rest = typed
			return p, nil
		}
	}
	return p.registry()
}

func nonEmpty(p parsed) error {
	if p.rest == "" {
		return malformed(p.typed, fmt.Sprintf("target %q names no path", p.typed), "for example "+p.typed+"images")
	}
	return nil
}

// registry takes a target apart that names something in a registry.
func (p parsed) registry() (parsed, error) {
	rest := strings.TrimSuffix(p.typed, "/")
	if isHost(rest) {
		p.kind, p.host, p.repository = ofRegistry, rest, "**"
		return p, p.checkHost()
	}
	if strings.Contains(rest, "@") {
		p.rest = p.typed
		return p, nil
	}
	repository := rest
	if colon := strings.LastIndexByte(rest, ':'); colon > strings.LastIndexByte(rest, '/') {
		repository, p.tag = rest[:colon], rest[colon+1:]
	}
	if !hasGlob(repository) {
		return p.oneRepository(repository)
	}
	host, path, found := strings.Cut(repository, "/")
	if !found || hasGlob(host) {
		return p, malformed(p.typed, fmt.Sprintf("target %q has a glob but no registry before it", p.typed), "begin it with the registry, for example registry.example.com/team/**")
	}
	p.kind, p.host, p.repository = ofRegistry, host, path
	if err := p.checkGlobs(); err != nil {
		return p, err
	}
	return p, p.checkHost()
}

func (p parsed) oneRepository(repository string) (parsed, error) {
	if p.tag != "" && !hasGlob(p.tag) {
		p.rest = p.typed
		return p, nil
	}
	parsedName, err := name.NewRepository(repository, name.WeakValidation)
	if err != nil {
		return p, malformed(p.typed, fmt.Sprintf("target %q cannot be read as a repository", p.typed), "for example registry.example.com/team/app")
	}
	p.kind, p.host, p.repository = ofRepository, parsedName.RegistryStr(), parsedName.RepositoryStr()
	return p, p.checkGlobs()
}

func (p parsed) checkGlobs() error {
	for _, pattern := range []string{p.repository, p.tag} {
		if !doublestar.ValidatePattern(pattern) {
			return malformed(p.typed, fmt.Sprintf("%q in target %q is no glob", pattern, p.typed), "close its brackets and braces")
		}
	}
	return nil
}

func (p parsed) checkHost() error {
	if _, err := name.NewRegistry(p.host, name.StrictValidation); err != nil {
		return malformed(p.typed, fmt.Sprintf("%q in target %q is no registry", p.host, p.typed), "give host or host:port")
	}
	return nil
}

func hasGlob(s string) bool { return strings.ContainsAny(s, "*?[{") }

// isHost says whether a word without a slash is a registry and not an image of
// Docker Hub: it has a dot, is localhost, or ends with a port.
func isHost(s string) bool {
	if strings.ContainsAny(s, "/@*?{") || s == "" {
		return false
	}
	host, port := s, ""
	if h, p, err := net.SplitHostPort(s); err == nil {
		host, port = h, p
	}
	if host == "localhost" || net.ParseIP(strings.Trim(host, "[]")) != nil {
		return true
	}
	if n, err := strconv.Atoi(port); port != "" && (err != nil || n < 1 || n > 65535) {
		return false
	}
	return strings.Contains(host, ".")
}

// matchesRepository says whether a repository of the catalog is wanted.
func (p parsed) matchesRepository(repository string) bool {
	ok, err := doublestar.Match(p.repository, repository)
	return err == nil && ok
}

// matchesTag says whether a tag is wanted.
func (p parsed) matchesTag(tag string) bool {
	if p.tag == "" {
		return true
	}
	ok, err := doublestar.Match(p.tag, tag)
	return err == nil && ok
}
