package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imagegate/imagegate/gate/gatetest"
)

// subject is an image that packages, vulnerabilities and digests are compared over.
type subject struct {
	name      string
	platforms []string // of an index
	least     int      // packages, so that two empty lists are no parity
	build     func(context.Context, *lab) (remote.Taggable, error)

	reference string // where it was pushed
	notRun    string // why it was not built
}

func subjects() []*subject {
	return []*subject{
		{name: "debian-main", least: 100, build: debianMain},
		{name: "debian-patched", least: 100, build: debianPatched},
		{name: "debian-upgraded", least: 100, build: debianUpgraded},
		{name: "distroless", least: 4, build: distroless},
		{name: "go-static", least: 4, build: goStatic},
		{name: "python-wheels", least: 8, build: pythonWheels},
		{name: "node-modules", least: 30, build: nodeModules},
		{name: "java-jars", least: 5, build: javaJars},
		{name: "rpm", least: 5, build: rpmDatabase},
		{name: "apk", least: 5, build: apkDatabase},
		{name: "languages", least: 8, build: otherLanguages},
		{name: "index", platforms: []string{"linux/amd64", "linux/arm64"}, least: 4, build: index},
		{name: "scratch", build: scratch},
		{name: "files-100000", least: 20, build: manyFiles},
	}
}

// buildImages builds what was asked for and pushes it to a registry.
func buildImages(ctx context.Context, l *lab) error {
	registry, err := startRegistry(true)
	if err != nil {
		return err
	}
	l.stop = append(l.stop, registry.stop)
	l.registry = registry
	for _, s := range subjects() {
		if !l.runs("packages", s.name) && !l.runs("vulnerabilities", s.name) && !l.runs("digests", s.name) {
			continue
		}
		l.subjects = append(l.subjects, s)
		fmt.Printf("building %s\n", s.name)
		s.reference = registry.host + "/parity/" + s.name + ":1"
		built, err := s.build(ctx, l)
		if s.notRun = why(err); s.notRun != "" {
			continue
		}
		if err == nil {
			err = push(ctx, s.reference, built)
		}
		if err != nil {
			return fmt.Errorf("building %s: %w", s.name, err)
		}
	}
	return nil
}

func push(ctx context.Context, reference string, what remote.Taggable) error {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return err
	}
	return remote.Push(ref, what, remote.WithContext(ctx))
}

// What the two installations have in common, and what only one of them has, so
// that an upgrade adds and removes packages.
var (
	both        = []string{"ca-certificates", "curl", "openssl", "nginx-light"}
	mainOnly    = []string{"nano", "python3-requests"}
	patchedOnly = []string{"less", "python3-yaml"}
)

func debianMain(ctx context.Context, l *lab) (remote.Taggable, error) {
	tree, err := l.bootstrap(ctx, "debian-main", false, append(mainOnly, both...)...)
	return installed(tree, err)
}

func debianPatched(ctx context.Context, l *lab) (remote.Taggable, error) {
	tree, err := l.bootstrap(ctx, "debian-patched", true, append(patchedOnly, both...)...)
	return installed(tree, err)
}

func installed(tree string, err error) (remote.Taggable, error) {
	if err != nil {
		return nil, err
	}
	layer, err := layerFromTar(tree)
	if err != nil {
		return nil, err
	}
	return imageOf("amd64", layer)
}

// debianUpgraded has the first installation as its base and the second above it.
func debianUpgraded(ctx context.Context, l *lab) (remote.Taggable, error) {
	before, err := l.bootstrap(ctx, "debian-main", false, append(mainOnly, both...)...)
	if err != nil {
		return nil, err
	}
	after, err := l.bootstrap(ctx, "debian-patched", true, append(patchedOnly, both...)...)
	if err != nil {
		return nil, err
	}
	changes := filepath.Join(l.work, "upgrade.tar")
	if err := upgrade(before, after, changes); err != nil {
		return nil, err
	}
	base, err := layerFromTar(before)
	if err != nil {
		return nil, err
	}
	layer, err := layerFromTar(changes)
	if err != nil {
		return nil, err
	}
	return imageOf("amd64", base, layer)
}

// index has two platforms that differ, and what BuildKit adds.
func index(ctx context.Context, l *lab) (remote.Taggable, error) {
	amd64, err := distroless(ctx, l)
	if err != nil {
		return nil, err
	}
	arm64, err := simpleImage("arm64", apkEntries())
	if err != nil {
		return nil, err
	}
	about, err := amd64.(v1.Image).Digest()
	if err != nil {
		return nil, err
	}
	attestation, err := simpleImage("unknown", []entry{{path: "attestation", content: "{}"}})
	if err != nil {
		return nil, err
	}
	return mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex),
		mutate.IndexAddendum{Add: amd64.(v1.Image), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: arm64, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}},
		mutate.IndexAddendum{Add: attestation, Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
			Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": about.String()},
		}}), nil
}

func scratch(context.Context, *lab) (remote.Taggable, error) {
	return simpleImage("amd64", []entry{{path: "app", content: gatetest.Program(), executable: true}})
}

// manyFiles has 100,000 files, a package here and there among them.
func manyFiles(context.Context, *lab) (remote.Taggable, error) {
	entries := distrolessEntries()
	for i := range 100_000 {
		dir := fmt.Sprintf("srv/%02d/%02d", i/1000, i/10%100)
		entries = append(entries, entry{path: fmt.Sprintf("%s/%d.txt", dir, i), content: fmt.Sprintln(i)})
		if i%5000 == 0 {
			entries = append(entries, nodeModule(dir, fmt.Sprintf("module-%d", i), fmt.Sprintf("1.0.%d", i)))
		}
	}
	return simpleImage("amd64", entries)
}

func nodeModule(dir, name, version string) entry {
	return entry{
		path:    dir + "/node_modules/" + name + "/package.json",
		content: fmt.Sprintf(`{"name":%q,"version":%q,"license":"MIT"}`, name, version),
	}
}
