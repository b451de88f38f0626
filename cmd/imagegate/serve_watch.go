package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imagegate/imagegate/gate/admission"
)

// watched is something that is read anew when its files change.
type watched struct {
	what   string
	files  func() []string
	reload func() error
	seen   string
}

// fingerprints are those of everything that is watched. They are taken before any of it
// is read, so that what changes meanwhile is seen. A policy that names more files than
// the flags do is therefore read twice.
func (f *serveFlags) fingerprints() map[string]string {
	return map[string]string{
		"policy": fingerprint(f.policyFiles()), "database": fingerprint(f.databaseFiles()),
		"certificate": fingerprint(f.tls.files()), "breakglass": fingerprint(f.glass.keys),
	}
}

// watched are all of them, as they were seen before they were read.
func (f *serveFlags) watched(seen map[string]string, handler *admission.Handler, j *judges, c *certificates, g *glass) []*watched {
	replace := func(appoint func() (admission.Judge, error)) func() error {
		return func() error {
			judge, err := appoint()
			if err != nil {
				return err
			}
			return handler.Replace(judge)
		}
	}
	list := []*watched{
		{what: "policy", files: func() []string { return j.files }, reload: replace(j.appoint)},
		{what: "database", files: f.databaseFiles, reload: replace(j.renew)},
	}
	if c != nil {
		list = append(list, &watched{what: "certificate", files: f.tls.files, reload: c.reload})
	}
	if g != nil {
		list = append(list, &watched{what: "breakglass", files: func() []string { return f.glass.keys }, reload: g.reload})
	}
	for _, w := range list {
		w.seen = seen[w.what]
	}
	return list
}

// watch looks again and again whether files have changed. Kubernetes exchanges what
// it mounts by one symbolic link, somewhere on the way to a file, and file systems
// that are mounted from elsewhere tell nobody: looking is what works for all.
func (f *serveFlags) watch(ctx context.Context, handler *admission.Handler, list []*watched) {
	ticker := time.NewTicker(f.reload)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, w := range list {
			w.look(handler.Reloaded)
		}
	}
}

// look reads anew what has changed. What changes while it is read is seen the next
// time, since the files are looked at first. So are the files that a policy names and
// the one before did not: it is read twice.
func (w *watched) look(tell func(what string, err error)) {
	now := fingerprint(w.files())
	if now == w.seen {
		return
	}
	tell(w.what, w.reload())
	w.seen = now
}

// fingerprint says of each file which one it is, when it was written and how large
// it is, after all links.
func fingerprint(files []string) string {
	var all strings.Builder
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			fmt.Fprintf(&all, "%s missing\n", path)
			continue
		}
		real, _ := filepath.EvalSymlinks(path)
		fmt.Fprintf(&all, "%s %s %d %d\n", path, real, info.Size(), info.ModTime().UnixNano())
	}
	return all.String()
}

// databaseFiles are those that change when another database is put in place: see
// sbom/vuln.
func (f *serveFlags) databaseFiles() []string {
	folder := f.database.folder(f.shared)
	return []string{
		folder, filepath.Join(folder, "v6", "current"),
		filepath.Join(folder, "vulnerability.db"), filepath.Join(folder, "6", "vulnerability.db"),
	}
}

// keepDatabase fetches a newer database now and then. It becomes the one in use
// like any other that is put in place.
func (f *serveFlags) keepDatabase(ctx context.Context, log *slog.Logger) {
	if f.database.offline || f.databaseUpdate <= 0 {
		return
	}
	for {
		if err := fetchDatabase(ctx, f.silent(), f.database); err != nil && ctx.Err() == nil {
			log.Warn("the database could not be updated", "error", err.Error(), "hint", remedy(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(f.databaseUpdate):
		}
	}
}

// silent are the shared flags of somebody who logs and shows no progress.
func (f *serveFlags) silent() *shared {
	quiet := *f.shared
	quiet.quiet = true
	return &quiet
}
