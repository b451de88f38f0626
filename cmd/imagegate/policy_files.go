package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/imagegate/imagegate/policy"
)

// readPolicies reads one policy: a preset by its name, or files and folders of
// files that make it up together. dir is what the names of files in it are
// relative to.
func readPolicies(names []string) (p *policy.Policy, dir string, err error) {
	if len(names) == 1 {
		if p, err := policy.Preset(names[0]); err == nil {
			return p, ".", nil
		}
	}
	var paths []string
	for _, name := range names {
		found, err := policyPaths(name)
		if err != nil {
			return nil, "", err
		}
		paths = append(paths, found...)
	}
	dir = filepath.Dir(paths[0])
	files, err := readPolicyFiles(paths, dir)
	if err != nil {
		return nil, "", err
	}
	p, err = policy.ParseFiles(files...)
	if err != nil {
		return nil, "", &usageError{err: err, hint: remedy(err)}
	}
	return p, dir, nil
}

// policyPaths are a file, or the policies in a folder by their names: *.yaml and
// *.yml, less tables of tests.
func policyPaths(name string) ([]string, error) {
	info, err := os.Stat(name)
	switch {
	case slices.Contains(policy.PresetNames(), name):
		return nil, usagef("write extends: "+name+" in one of the files", "a preset stands alone: %s is one", name)
	case errors.Is(err, fs.ErrNotExist):
		return nil, noPolicy(name)
	case err != nil:
		return nil, usagef("imagegate policy init > policy.yaml", "reading the policy: %w", err)
	case !info.IsDir():
		return []string{name}, nil
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, usagef("", "reading the policy: %w", err)
	}
	var paths []string
	for _, e := range entries {
		path := filepath.Join(name, e.Name())
		if ext := filepath.Ext(path); e.IsDir() || ext != ".yaml" && ext != ".yml" {
			continue
		}
		data, err := readBounded(path, policy.MaxBytes)
		if err != nil {
			return nil, usagef("", "reading the policy: %w", err)
		}
		if policy.KindOf(data) != policy.TableKind {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return nil, usagef("imagegate policy init > "+filepath.Join(name, "policy.yaml"), "no policy in the folder %s", name)
	}
	return paths, nil
}

// noPolicy says that nothing is called that, and what comes nearest: a file beside
// it, or a preset, which a name without an extension may have been meant to be.
func noPolicy(name string) error {
	var files []string
	entries, err := os.ReadDir(filepath.Dir(name))
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); err == nil && !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
			files = append(files, e.Name())
		}
	}
	base := filepath.Base(name)
	near := policy.Suggest(base, files)
	for _, ext := range []string{".yaml", ".yml"} {
		if slices.Contains(files, base+ext) {
			near = base + ext
		}
	}
	switch {
	case near != "":
		return usagef(fmt.Sprintf("did you mean %q?", filepath.Join(filepath.Dir(name), near)), "there is no policy %s", name)
	case filepath.Ext(name) == "" && base == name:
		_, err := policy.Preset(name)
		return &usageError{err: err, hint: remedy(err)}
	}
	return usagef("imagegate policy init > "+name, "there is no policy %s", name)
}

// readPolicyFiles reads documents, each with where its folder is from dir.
func readPolicyFiles(paths []string, dir string) ([]policy.File, error) {
	var files []policy.File
	for _, path := range paths {
		data, err := readBounded(path, policy.MaxBytes)
		if err != nil {
			return nil, usagef("imagegate policy init > policy.yaml", "reading the policy: %w", err)
		}
		base, err := filepath.Rel(dir, filepath.Dir(path))
		if err != nil {
			return nil, usagef("name all files from one folder", "reading the policy: %w", err)
		}
		if base == "." {
			base = ""
		}
		files = append(files, policy.File{Name: path, Data: data, Base: filepath.ToSlash(base)})
	}
	return files, nil
}
