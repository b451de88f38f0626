package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// prepareBench writes what `make bench` measures with into a folder: the images that
// were built as OCI layouts, a database with records about their packages, the
// advisories of a small one, and the tools.
func prepareBench(ctx context.Context, l *lab) error {
	var images []lens
	for _, s := range l.subjects {
		if s.notRun != "" {
			fmt.Printf("%s is not there to be measured: %s\n", s.name, s.notRun)
			continue
		}
		images = append(images, s.lenses()...)
		if err := save(ctx, s.reference, filepath.Join(l.prepare, "images", s.name)); err != nil {
			return fmt.Errorf("writing %s: %w", s.name, err)
		}
	}
	archive := l.database
	if archive == "" {
		var err error
		if archive, err = l.publishDatabase(ctx, images); err != nil {
			return err
		}
	}
	database := filepath.Join(l.prepare, "database")
	if err := os.MkdirAll(database, 0o755); err != nil {
		return err
	}
	if err := copyFile(archive, filepath.Join(database, filepath.Base(archive))); err != nil {
		return err
	}
	advisories := filepath.Join(l.prepare, "advisories")
	if err := os.RemoveAll(advisories); err != nil {
		return err
	}
	if err := os.CopyFS(advisories, os.DirFS(filepath.Join("examples", "demo", "advisories"))); err != nil {
		return err
	}
	tools := filepath.Join(l.prepare, "bin")
	if err := os.RemoveAll(tools); err != nil {
		return err
	}
	return os.Symlink(filepath.Join(l.out, "bin"), tools)
}

func save(ctx context.Context, reference, folder string) error {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return err
	}
	image, err := remote.Image(ref, remote.WithContext(ctx))
	if err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	to, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	return to.AppendImage(image)
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}
