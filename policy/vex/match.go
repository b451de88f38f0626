package vex

import (
	"slices"
	"strings"

	openvex "github.com/openvex/go-vex/pkg/vex"
	"github.com/package-url/packageurl-go"
)

// Image is what a product can be held against.
type Image struct {
	Repository string   // registry/repository; empty where it comes from no registry
	Digests    []string // of the subject and of the platform image: "sha256:…"
	CPE        string   // of its distribution, as os-release(5) has it; may be empty
}

// About says whether a statement is about one of these vulnerability ids in a
// package of an image. purl is the package's URL, and may be empty.
func (s Statement) About(ids []string, image Image, purl string) bool {
	if !slices.ContainsFunc(s.Vulnerabilities, func(id string) bool { return slices.Contains(ids, id) }) {
		return false
	}
	return slices.ContainsFunc(s.Products, func(p Product) bool { return p.about(image, purl) })
}

func (p Product) about(image Image, purl string) bool {
	within := slices.ContainsFunc(p.Components, func(c Product) bool { return c.hasPackage(purl) })
	if p.is(image) {
		return len(p.Components) == 0 || within
	}
	if within && slices.ContainsFunc(p.Names, func(name string) bool { return sameSystem(name, image.CPE) }) {
		return true // a statement about all of a distribution says nothing of what was added to it
	}
	return len(p.Components) == 0 && p.hasPackage(purl)
}

// is says whether the product is the image.
func (p Product) is(image Image) bool {
	return slices.ContainsFunc(p.Names, image.named) || slices.ContainsFunc(p.Digests, func(hex string) bool {
		return slices.Contains(image.Digests, "sha256:"+hex)
	})
}

// hasPackage compares package URLs; an image is no package.
func (p Product) hasPackage(purl string) bool {
	return purl != "" && slices.ContainsFunc(p.Names, func(name string) bool {
		return strings.HasPrefix(name, "pkg:") && openvex.PurlMatches(name, purl)
	})
}

// named holds a pkg:oci package URL against the image (purl-spec, type oci): the
// name is the last part of the repository, the version the digest. A name alone
// would be anybody's image, so a digest or a repository has to be with it.
func (i Image) named(name string) bool {
	purl, err := packageurl.FromString(name)
	if err != nil || purl.Type != "oci" || purl.Namespace != "" || purl.Subpath != "" {
		return false
	}
	repository := false
	for key, value := range purl.Qualifiers.Map() {
		switch key {
		case "repository_url":
			if !i.at(value, purl.Name) {
				return false
			}
			repository = true
		case "arch", "tag":
			if purl.Version == "" {
				return false // tags move, and which platform is meant only a digest says
			}
		default:
			return false
		}
	}
	if purl.Version != "" {
		return slices.Contains(i.Digests, purl.Version) && (i.Repository == "" || lastOf(i.Repository) == purl.Name)
	}
	return repository
}

// at compares a repository with and without the image's name at its end, since
// both are written.
func (i Image) at(url, name string) bool {
	url, repository := hub(strings.TrimSuffix(url, "/")), hub(i.Repository)
	return repository != "" && (url == repository || url+"/"+name == repository) && lastOf(repository) == name
}

// hub writes Docker Hub's registry one way of the two that people write.
func hub(name string) string {
	if rest, ok := strings.CutPrefix(name, "index.docker.io/"); ok {
		return "docker.io/" + rest
	}
	return name
}

func lastOf(repository string) string { return repository[strings.LastIndex(repository, "/")+1:] }
