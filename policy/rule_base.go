package policy

import (
	"errors"
	"slices"
	"strings"
)

// BaseImage is a pattern over registry/repository of a base image, with a digest
// where only that one will do: "registry.example.com/base/**" or
// "registry.example.com/base/static@sha256:…".
type BaseImage string

// UnmarshalText refuses a pattern that could never match.
func (b *BaseImage) UnmarshalText(text []byte) error {
	pattern, digest, pinned := strings.Cut(string(text), "@")
	if pinned && !isDigest(digest) {
		return errors.New("not a base image: after @ comes sha256: and 64 hexadecimal digits")
	}
	if err := checkGlob(pattern); err != nil {
		return err
	}
	if last := pattern[strings.LastIndex(pattern, "/")+1:]; strings.Contains(last, ":") {
		return errors.New("not a base image: tags move, so leave the tag out or name the digest")
	}
	*b = BaseImage(text)
	return nil
}

// The labels by which an image says what it was built on (OCI image spec,
// pre-defined annotation keys). Labels of a base image are inherited, so builders
// set them anew.
const (
	labelBaseName   = "org.opencontainers.image.base.name"
	labelBaseDigest = "org.opencontainers.image.base.digest"
)

func baseImageRule() rule {
	return rule{
		RuleInfo: RuleInfo{RuleBaseImage, "The image is built on a base image that is allowed", []string{"config.baseImages", "config.knownBases"},
			"What lies in the base lies in the image. By labels the image says so itself: demand a signature of its builder too. Layers show it."},
		optional: true, exceptable: true, steps: []Step{StepConfig}, platform: judgeBaseImage,
		level:  func(p *Policy) Level { return levelIf(len(p.Config.BaseImages)+len(p.Config.KnownBases) > 0) },
		stages: func(p *Policy) []Stage { return p.Config.Stages },
	}
}

func judgeBaseImage(q *question, p *Platform) []Finding {
	name, digest := p.Config.Labels[labelBaseName], p.Config.Labels[labelBaseDigest]
	var allowed []string
	for _, b := range q.policy.Config.BaseImages {
		if b.matches(name, digest) {
			return []Finding{{Outcome: Pass, Message: "built on " + baseText(name, digest)}}
		}
		allowed = append(allowed, string(b))
	}
	if found := q.onKnownBase(p); found != nil {
		return []Finding{*found}
	}
	for _, b := range q.policy.Config.KnownBases {
		if !slices.Contains(allowed, b.Name) {
			allowed = append(allowed, b.Name)
		}
	}
	f := Finding{Outcome: Fail, Message: baseText(name, digest) + " is not among the allowed base images", Expected: enumerate(allowed),
		Actual: baseText(name, digest), Remedy: "build on one of the allowed base images"}
	switch {
	case len(q.policy.Config.BaseImages) == 0:
		f.Message, f.Actual = "the image is built on none of the known base images", plural(len(p.Config.DiffIDs), "layer")
		f.Message += ": its first layers are not theirs"
	case strings.TrimSpace(name) == "":
		f.Message, f.Actual = "the image does not say what it is built on", "no label "+labelBaseName
		f.Remedy = "set LABEL " + labelBaseName + "=… and " + labelBaseDigest + "=… in the Dockerfile"
	}
	return []Finding{f}
}

func (b BaseImage) matches(name, digest string) bool {
	pattern, wanted, pinned := strings.Cut(string(b), "@")
	return name != "" && matchRepository(pattern, repositoryOf(name)) && (!pinned || wanted == digest)
}

// repositoryOf is a reference without tag and digest.
func repositoryOf(reference string) string {
	name, _, _ := strings.Cut(reference, "@")
	parts := strings.Split(name, "/")
	last := len(parts) - 1
	parts[last], _, _ = strings.Cut(parts[last], ":")
	return strings.Join(parts, "/")
}

func baseText(name, digest string) string {
	parts := slices.DeleteFunc([]string{printable(name), printable(digest)}, func(s string) bool { return s == "" })
	return strings.Join(parts, ", ")
}
