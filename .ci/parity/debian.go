package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// bootstrap makes the tree of a Debian installation as an archive: from the main
// archive alone as it was at the last point release, or with all updates since.
// The release and its mirrors are those of this machine.
func (l *lab) bootstrap(ctx context.Context, name string, updated bool, include ...string) (string, error) {
	out := filepath.Join(l.out, "cache", name+".tar")
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	mmdebstrap, err := tool("mmdebstrap", "mmdebstrap")
	if err != nil {
		return "", err
	}
	release, lines, err := l.sources(ctx, updated)
	if err != nil {
		return "", err
	}
	fmt.Printf("bootstrapping %s\n", name)
	args := append([]string{"--variant=minbase", "--include=" + strings.Join(include, ","), "--format=tar", release, out + ".part"}, lines...)
	if _, err := l.must(ctx, mmdebstrap, args...); err != nil {
		return "", err
	}
	return out, os.Rename(out+".part", out)
}

// sources are the lines of sources.list by which apt knows this machine's release.
func (l *lab) sources(ctx context.Context, updated bool) (release string, lines []string, err error) {
	apt, err := tool("apt-get", "apt")
	if err != nil {
		return "", nil, err
	}
	out, err := l.must(ctx, apt, "indextargets", "--format", "$(CREATED_BY) $(SITE) $(RELEASE) $(COMPONENT)")
	if err != nil {
		return "", nil, err
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) != 4 || fields[0] != "Packages" || fields[3] != "main" || seen[line] {
			continue
		}
		seen[line] = true
		main := !strings.Contains(fields[2], "-")
		if main {
			release = fields[2]
		}
		if main || updated {
			lines = append(lines, "deb "+strings.Join(fields[1:], " "))
		}
	}
	if release == "" {
		return "", nil, &missingError{"apt knows no release of Debian: apt-get update"}
	}
	return release, lines, nil
}

// unpacked downloads Debian packages and unpacks them without installing anything.
func (l *lab) unpacked(ctx context.Context, packages ...string) (string, error) {
	root := filepath.Join(l.out, "cache", "deb-"+packages[0])
	if _, err := os.Stat(root); err == nil {
		return root, nil
	}
	apt, err := tool("apt-get", "apt")
	if err != nil {
		return "", err
	}
	dpkg, err := tool("dpkg-deb", "dpkg")
	if err != nil {
		return "", err
	}
	if _, err := l.must(ctx, apt, append([]string{"download", "--quiet"}, packages...)...); err != nil {
		return "", &missingError{"packages cannot be downloaded: apt-get update: " + err.Error()}
	}
	for _, p := range packages {
		files, err := filepath.Glob(filepath.Join(l.work, p+"_*.deb"))
		if err != nil {
			return "", err
		}
		for _, file := range files {
			if _, err := l.must(ctx, dpkg, "-x", file, root+".part"); err != nil {
				return "", err
			}
		}
	}
	if err := os.Rename(root+".part", root); errors.Is(err, fs.ErrNotExist) {
		return "", &missingError{"apt downloaded nothing of " + strings.Join(packages, ", ")}
	} else if err != nil {
		return "", err
	}
	return root, nil
}
