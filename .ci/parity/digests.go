package main

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// small are the images that are also pulled into layouts and archives.
var small = map[string]bool{"distroless": true, "go-static": true, "index": true, "scratch": true, "apk": true, "files-100000": true}

// compareDigests compares what references resolve to.
func compareDigests(ctx context.Context, l *lab) error {
	var chosen []*subject
	for _, s := range l.subjects {
		if !l.runs("digests", s.name) {
			continue
		}
		chosen = append(chosen, s)
		r := row{section: "digests", name: s.name, what: "registry", peer: "crane", notRun: s.notRun}
		l.table.try(r, func() error { return l.digests(ctx, s) })
	}
	if len(chosen) == 0 {
		return nil
	}
	r := row{section: "digests", name: "small images", what: "docker-registry", peer: "crane"}
	l.table.try(r, func() error { return l.distributed(ctx, chosen) })
	return nil
}

// distributed copies the small images to Debian's registry and asks again.
func (l *lab) distributed(ctx context.Context, images []*subject) error {
	other, err := l.startDistribution(ctx)
	if err != nil {
		return err
	}
	defer other.stop()
	for _, s := range images {
		if !small[s.name] || s.notRun != "" {
			continue
		}
		copied := strings.Replace(s.reference, l.registry.host, other.host, 1)
		if _, err := l.must(ctx, l.peers["crane"], "copy", s.reference, copied); err != nil {
			return err
		}
		if err := l.digest(ctx, s, "docker-registry", copied, copied); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) digests(ctx context.Context, s *subject) error {
	if err := l.digest(ctx, s, "registry", s.reference, s.reference); err != nil {
		return err
	}
	for _, p := range s.platforms {
		if err := l.platformDigest(ctx, s, p); err != nil {
			return err
		}
	}
	if !small[s.name] {
		return nil
	}
	if len(s.platforms) == 0 {
		for _, format := range []string{"tarball", "legacy"} {
			file := filepath.Join(l.work, s.name+"-"+format+".tar")
			if _, err := l.must(ctx, l.peers["crane"], "pull", "--format", format, s.reference, file); err != nil {
				return err
			}
			if err := l.digest(ctx, s, "docker archive, "+format, "docker-archive:"+file, "--tarball", file); err != nil {
				return err
			}
		}
		if err := l.dockerSchema(ctx, s); err != nil {
			return err
		}
	}
	return l.layouts(ctx, s)
}

// layouts pulls into a layout and its archive; that they hold the same image is
// for crane to say, which pushes the layout and asks for the digest.
func (l *lab) layouts(ctx context.Context, s *subject) error {
	folder := filepath.Join(l.work, s.name+"-layout")
	if _, err := l.must(ctx, l.peers["crane"], "pull", "--format", "oci", s.reference, folder); err != nil {
		return err
	}
	pushed := strings.Replace(s.reference, "/parity/", "/layouts/", 1)
	args := []string{"push", folder, pushed}
	if len(s.platforms) > 0 {
		pushed = s.reference // crane pushes the layout's own index, not the image index in it
	} else if _, err := l.must(ctx, l.peers["crane"], args...); err != nil {
		return err
	}
	if err := l.digest(ctx, s, "layout", "oci:"+folder, pushed); err != nil {
		return err
	}
	archive := folder + ".tar"
	if _, err := l.must(ctx, "tar", "-C", folder, "-cf", archive, "."); err != nil {
		return err
	}
	return l.digest(ctx, s, "layout archive", "oci-archive:"+archive, pushed)
}

// dockerSchema pushes the image again with Docker's media types.
func (l *lab) dockerSchema(ctx context.Context, s *subject) error {
	ref, err := name.ParseReference(s.reference)
	if err != nil {
		return err
	}
	image, err := remote.Image(ref, remote.WithContext(ctx))
	if err != nil {
		return err
	}
	image = mutate.ConfigMediaType(mutate.MediaType(image, types.DockerManifestSchema2), types.DockerConfigJSON)
	pushed := strings.Replace(s.reference, "/parity/", "/docker/", 1)
	if err := push(ctx, pushed, image.(v1.Image)); err != nil {
		return err
	}
	return l.digest(ctx, s, "registry, Docker's media types", pushed, pushed)
}

// digest compares what one reference resolves to with what crane says of it.
func (l *lab) digest(ctx context.Context, s *subject, what, reference string, crane ...string) error {
	theirs, err := l.must(ctx, l.peers["crane"], append([]string{"digest"}, crane...)...)
	if err != nil {
		return err
	}
	ours, err := l.judge(ctx, "resolve", reference, "--insecure-skip-signatures")
	if err != nil {
		return err
	}
	l.table.add(row{section: "digests", name: s.name, what: what, peer: "crane"}.values(ours.Results[0].Digest, strings.TrimSpace(string(theirs))))
	return nil
}

func (l *lab) platformDigest(ctx context.Context, s *subject, platform string) error {
	theirs, err := l.must(ctx, l.peers["crane"], "digest", "--platform", platform, s.reference)
	if err != nil {
		return err
	}
	ours, err := l.judge(ctx, "resolve", s.reference, "--insecure-skip-signatures")
	if err != nil {
		return err
	}
	found := "none"
	for _, p := range ours.Results[0].Platforms {
		if p.Platform == platform {
			found = p.Digest
		}
	}
	l.table.add(row{section: "digests", name: s.name, what: "registry, " + platform, peer: "crane"}.values(found, strings.TrimSpace(string(theirs))))
	return nil
}

// values fills a row with the comparison of two values.
func (r row) values(ours, theirs string) row {
	r.ours, r.theirs = short(ours), short(theirs)
	if ours != theirs {
		r.differences = []string{"imagegate " + ours + ", " + r.peer + " " + theirs}
	}
	return r
}

// short is enough of a digest to recognise it.
func short(value string) string {
	if digest, ok := strings.CutPrefix(value, "sha256:"); ok && len(digest) > 12 {
		return digest[:12]
	}
	return value
}
