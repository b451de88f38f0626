package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// Inspector reads config and file tree of platform images. It keeps nothing of
// an image and is safe for concurrent use.
type Inspector struct {
	marks *scanner
}

// New returns an Inspector.
func New() *Inspector {
	return &Inspector{marks: shellScanner()}
}

// Config is what the config says by itself: UID, GID and Runnable stay nil, and
// the content is that of environment, labels and history.
func (*Inspector) Config(config *v1.ConfigFile) (policy.Config, []policy.Content) {
	return configFacts(config), sorted(configSecrets(config))
}

// Files resolves the user with the image's own passwd and group files, follows
// the entry point to the program that the kernel would start, and classifies
// every file of the tree. The content includes that of Config.
//
// An error means that the tree could not be read or goes beyond a limit
// (*LimitError), or that ctx ended: nothing is then known. What is wrong with
// the image is never an error but a fact.
func (i *Inspector) Files(ctx context.Context, config *v1.ConfigFile, files sbom.Files) (policy.Inspection, error) {
	facts, content := i.Config(config)

	// Who: names mean what the image's own files say.
	creds, err := resolveUser(config, files)
	var unknown *userError
	switch {
	case errors.As(err, &unknown):
		facts.UserError = unknown.Error()
	case err != nil:
		return policy.Inspection{}, fmt.Errorf("resolving user %q: %w", facts.User, err)
	default:
		facts.UID, facts.GID = &creds.uid, &creds.gid
	}

	// What would be started, and could it. Other systems than Linux have other rules.
	if isLinux(config) {
		facts.Runnable, err = runnable(config, files, creds, unknown)
		if err != nil {
			return policy.Inspection{}, fmt.Errorf("following the entry point: %w", err)
		}
	}

	// What lies in the image, and how large it is: one pass over all files.
	found, size, err := i.survey(ctx, config, files)
	if err != nil {
		return policy.Inspection{}, fmt.Errorf("inspecting files: %w", err)
	}
	return policy.Inspection{Config: facts, Size: size, Content: sorted(append(content, found...))}, nil
}

// survey visits every file once.
func (i *Inspector) survey(ctx context.Context, config *v1.ConfigFile, files sbom.Files) ([]policy.Content, policy.Size, error) {
	programs := newClassifier(files, i.marks, environment(config))
	var found []policy.Content
	sizes := newSizes()
	for file := range files.All() {
		if err := ctx.Err(); err != nil {
			return nil, policy.Size{}, err
		}
		sizes.add(file)
		kinds, err := programs.classify(ctx, file)
		if err != nil {
			return nil, policy.Size{}, fmt.Errorf("reading %s of layer %s: %w", file.Path, file.DiffID, err)
		}
		secrets, err := fileSecrets(file, files)
		if err != nil {
			return nil, policy.Size{}, fmt.Errorf("reading %s of layer %s: %w", file.Path, file.DiffID, err)
		}
		found = append(append(found, kinds...), secrets...)
		if len(found) > maxContent {
			return nil, policy.Size{}, &LimitError{What: "shells, tools, privilege-raising files and secrets", Limit: maxContent}
		}
	}
	return append(found, programs.hidden()...), sizes.total(), nil
}

// readHead returns up to limit bytes of a file, no more than its head, and false where
// the reader of the layers did not keep it: Wants saw its head and had no use for it.
func readHead(files sbom.Files, file sbom.File, limit int64) ([]byte, bool, error) {
	content, err := files.Open(file)
	if errors.Is(err, sbom.ErrNotKept) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer content.Close()
	data, err := io.ReadAll(io.LimitReader(content, limit))
	return data, err == nil, err
}

// readWhole returns a file of up to limit bytes that somebody goes by the content of.
// A link may have given it the name by which it is asked for, so that some of it, or
// all, was not kept.
func readWhole(files sbom.Files, file sbom.File, limit int64) ([]byte, error) {
	content, err := files.Open(file)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	if _, condensed := content.(sbom.Condensed); condensed {
		return nil, sbom.ErrNotKept
	}
	return io.ReadAll(io.LimitReader(content, limit))
}
