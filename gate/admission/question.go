package admission

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imagegate/imagegate/policy"
)

// question is an image name as the gate is asked about it.
type question struct {
	image     string // as the review has it
	reference string // the reference of a registry that a container runtime takes it for
	namespace string
}

// transports are words before a colon with which a reference names something on
// this machine (gate/image), and which a container runtime takes for a repository.
var transports = []string{"oci", "oci-archive", "docker-archive", "docker-daemon"}

// newQuestion refuses what no container runtime could pull, before anything is
// asked about it. What is left is a reference of a registry, always: "oci:v1" is
// the repository of that name on Docker Hub, and no folder.
func newQuestion(image, namespace string) (question, error) {
	switch {
	case image == "":
		return question{}, errors.New("the image name is empty")
	case len(image) > maxReference:
		return question{}, fmt.Errorf("the image name is longer than %d bytes", maxReference)
	case strings.ContainsFunc(image, func(r rune) bool { return r >= unicode.MaxASCII || r <= ' ' }):
		return question{}, errors.New("the image name has spaces, control or foreign characters in it")
	}
	q := question{image: image, reference: image, namespace: namespace}
	head, _, _ := strings.Cut(image, ":")
	head, _, _ = strings.Cut(head, "@")
	for _, transport := range transports {
		if head == transport {
			q.reference = "index.docker.io/library/" + image
		}
	}
	return q, nil
}

// byDigest says that the question is about one digest, for ever.
func (q question) byDigest() bool { return q.digest() != "" }

// digest that the reference names; empty if it names none.
func (q question) digest() string { return digestOf(q.reference) }

// digestOf is the digest that a reference ends with; empty if there is none, or
// one that is not well formed.
func digestOf(reference string) string {
	_, digest, _ := strings.Cut(reference, "@")
	digits, ok := strings.CutPrefix(digest, "sha256:")
	if sum, err := hex.DecodeString(digits); !ok || err != nil || len(sum) != 32 || strings.ToLower(digits) != digits {
		return ""
	}
	return digest
}

// where is as much of the reference as overrides of a policy match; empty if it
// cannot be read.
func (q question) where() policy.Reference {
	base, _, byDigest := strings.Cut(q.reference, "@")
	tag, err := name.NewTag(base, name.WeakValidation)
	if err != nil {
		return policy.Reference{Typed: q.reference}
	}
	return policy.Reference{
		Typed: q.reference, Transport: "registry", Registry: tag.RegistryStr(),
		Repository: tag.RepositoryStr(), Tag: tag.TagStr(), ByDigest: byDigest,
	}
}
