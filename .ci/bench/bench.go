package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// bench is one run: its registry, its tools, its scratch folder.
type bench struct {
	options
	work     string
	registry *counted
	tools    map[string]string // by name; a tool that is not installed is not there
	database string            // installed for imagegate
	small    string            // another one
	signed   bool
}

func newBench(o options) (*bench, error) {
	if _, err := os.Stat(o.gate); err != nil {
		return nil, fmt.Errorf("the command to measure: %w", err)
	}
	work, err := os.MkdirTemp("", "imagegate-bench-*")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, work: work, tools: findTools(filepath.Join(o.prepared, "bin"))}
	if err := b.copyPrograms(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(work))
	}
	blobs := filepath.Join(work, "blobs")
	if err := os.Mkdir(blobs, 0o755); err != nil {
		return nil, errors.Join(err, os.RemoveAll(work))
	}
	b.registry = startRegistry(blobs)
	return b, nil
}

// copyPrograms runs all of them from copies, written in pieces as a container
// runtime writes what it unpacks. How much of a program one touch maps depends on
// how its file was written: of one that a linker or a single write left behind, 48
// MiB more counted as memory than of a copy in pieces.
func (b *bench) copyPrograms() error {
	folder := filepath.Join(b.work, "programs")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	var err error
	if b.gate, err = copyProgram(folder, b.gate); err != nil {
		return err
	}
	for tool, path := range b.tools {
		if b.tools[tool], err = copyProgram(folder, path); err != nil {
			return err
		}
	}
	return nil
}

func copyProgram(folder, path string) (string, error) {
	from, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer from.Close()
	path = filepath.Join(folder, filepath.Base(path))
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return "", err
	}
	// Neither end may take the copy over: that would be one write.
	_, err = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 32<<10))
	return path, errors.Join(err, to.Close())
}

func (b *bench) close() {
	b.registry.close()
	_ = os.RemoveAll(b.work)
}

// subject is one image in the registry, and one built upon it.
type subject struct {
	name      string
	reference string // by digest
	derived   string // the same with one more layer
	facts     string
}

// subjects pushes and signs the prepared images.
func (b *bench) subjects(ctx context.Context) ([]subject, error) {
	folders, err := filepath.Glob(filepath.Join(b.prepared, "images", "*"))
	if err == nil && len(folders) == 0 {
		err = errors.New("there are no images: go run ./.ci/parity -prepare " + b.prepared)
	}
	if err != nil {
		return nil, err
	}
	var all []subject
	for _, folder := range folders {
		s, err := b.push(ctx, folder)
		if err != nil {
			return nil, fmt.Errorf("serving %s: %w", filepath.Base(folder), err)
		}
		all = append(all, s)
	}
	return all, nil
}

// push serves the image of a layout.
func (b *bench) push(ctx context.Context, folder string) (subject, error) {
	image, err := imageOf(folder)
	if err != nil {
		return subject{}, err
	}
	s := subject{name: filepath.Base(folder)}
	if s.facts, err = factsOf(image); err != nil {
		return s, err
	}
	if s.reference, err = b.publish(ctx, s.name, image); err != nil {
		return s, err
	}
	layer, err := layerOf(func(add adder) error { return add("srv/release", []byte(s.name)) })
	if err != nil {
		return s, err
	}
	derived, err := mutate.AppendLayers(image, layer)
	if err != nil {
		return s, err
	}
	s.derived, err = b.publish(ctx, s.name, derived)
	return s, err
}

func imageOf(folder string) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Manifests) != 1 {
		return nil, fmt.Errorf("the layout has %d images", len(manifest.Manifests))
	}
	return index.Image(manifest.Manifests[0].Digest)
}

func factsOf(image v1.Image) (string, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return "", err
	}
	size := int64(0)
	for _, l := range manifest.Layers {
		size += l.Size
	}
	return fmt.Sprintf("%.1f MB compressed, %d layers", float64(size)/1e6, len(manifest.Layers)), nil
}

// publish pushes an image, signs it where cosign is installed, and returns its
// reference by digest.
func (b *bench) publish(ctx context.Context, repository string, image v1.Image) (string, error) {
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	ref, err := name.NewDigest(b.registry.host + "/bench/" + repository + "@" + digest.String())
	if err != nil {
		return "", err
	}
	if err := remote.Write(ref, image, remote.WithContext(ctx)); err != nil {
		return "", err
	}
	if b.signed {
		_, err = b.run(ctx, command{b.tools["cosign"], []string{"sign", "--key", b.key("cosign.key"), "--tlog-upload=false", "--yes", ref.String()}})
	}
	return ref.String(), err
}

// key is a file of the key pair that everything is signed with.
func (b *bench) key(file string) string { return filepath.Join(b.work, file) }

// makeKey makes that pair.
func (b *bench) makeKey(ctx context.Context) error {
	if b.tools["cosign"] == "" {
		return nil
	}
	b.signed = true
	_, err := b.run(ctx, command{b.tools["cosign"], []string{"generate-key-pair"}})
	return err
}

// installDatabases installs the prepared database for imagegate and grype, and a
// small one for imagegate, so that one can take the place of the other.
func (b *bench) installDatabases(ctx context.Context) error {
	b.database, b.small = filepath.Join(b.work, "db"), filepath.Join(b.work, "db-small")
	found, err := filepath.Glob(filepath.Join(b.prepared, "database", "*.tar.*"))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%d databases are prepared", len(found))
	}
	if err != nil {
		return err
	}
	commands := []command{
		{b.gate, []string{"db", "import", found[0], "--db", b.database}},
		{b.gate, []string{"db", "build", "--from", filepath.Join(b.prepared, "advisories"), "--db", b.small}},
	}
	if b.tools["grype"] != "" {
		commands = append(commands, command{b.tools["grype"], []string{"-q", "db", "import", found[0]}})
	}
	for _, c := range commands {
		if _, err := b.run(ctx, c); err != nil {
			return err
		}
	}
	return nil
}
