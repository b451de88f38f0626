package policy

import (
	"errors"
	"path"
	"strings"
)

// RegistryGlob is a pattern over registry/repository: `**` stands for any number
// of path segments, `*`, `?` and `[…]` mean what path.Match says within one.
type RegistryGlob string

// UnmarshalText refuses a pattern that could never match.
func (g *RegistryGlob) UnmarshalText(text []byte) error {
	if err := checkGlob(string(text)); err != nil {
		return err
	}
	*g = RegistryGlob(text)
	return nil
}

// Matches says whether the pattern matches a repository of a registry.
func (g RegistryGlob) Matches(registry, repository string) bool {
	return registry != "" && matchRepository(string(g), registry+"/"+repository)
}

// matchRepository matches a pattern of segments against registry/repository.
func matchRepository(pattern, name string) bool {
	return matchSegments(strings.Split(canonicalRegistry(pattern), "/"), strings.Split(canonicalRegistry(name), "/"))
}

// canonicalRegistry writes Docker Hub's registry the way that references are
// resolved, since people write it the other way.
func canonicalRegistry(name string) string {
	if rest, ok := strings.CutPrefix(name, "docker.io/"); ok {
		return "index.docker.io/" + rest
	}
	return name
}

func matchSegments(pattern, name []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			return matchAnywhere(pattern[1:], name)
		}
		if len(name) == 0 || !matchWord(pattern[0], name[0]) {
			return false
		}
		pattern, name = pattern[1:], name[1:]
	}
	return len(name) == 0
}

func matchAnywhere(pattern, name []string) bool {
	for i := range len(name) + 1 {
		if matchSegments(pattern, name[i:]) {
			return true
		}
	}
	return false
}

// matchWord matches without separators: one segment, or a tag.
func matchWord(pattern, word string) bool {
	ok, err := path.Match(pattern, word)
	return ok && err == nil
}

// maxAnywhere bounds the `**` of one pattern, since each multiplies the work.
const maxAnywhere = 3

// checkGlob refuses a pattern that path.Match cannot read.
func checkGlob(pattern string) error {
	if strings.Count(pattern, "**") > maxAnywhere {
		return errors.New("not a pattern that is matched: it has more than 3 times **")
	}
	for segment := range strings.SplitSeq(pattern, "/") {
		if _, err := path.Match(segment, ""); err != nil || segment == "" {
			return errors.New("not a pattern: write registry.example.com/team/** or registry.example.com/*/app")
		}
		if strings.Contains(segment, "**") && segment != "**" {
			return errors.New("not a pattern, since ** stands for whole path segments: write registry.example.com/team/**")
		}
	}
	return nil
}
