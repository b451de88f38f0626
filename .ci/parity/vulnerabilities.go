package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// grypeDocument has of grype's JSON what is compared.
type grypeDocument struct {
	Matches []struct {
		Vulnerability struct {
			ID       string `json:"id"`
			Severity string `json:"severity"`
			Fix      struct {
				State string `json:"state"`
			} `json:"fix"`
		} `json:"vulnerability"`
		Artifact artifact `json:"artifact"`
	} `json:"matches"`
}

// aspect is one way to look at a match.
type aspect struct {
	what string
	text func(m match) string
}

// match is one vulnerable package, in the words of both tools.
type match struct{ id, pkg, version, severity, fix string }

var aspects = []aspect{
	{"id, package, version", func(m match) string { return strings.Join([]string{m.id, m.pkg, m.version}, " ") }},
	{"severity", func(m match) string {
		return strings.Join([]string{m.id, m.pkg, m.version, strings.ToLower(m.severity)}, " ")
	}},
	{"fix state", func(m match) string {
		return strings.Join([]string{m.id, m.pkg, m.version, known(m.fix)}, " ")
	}},
}

// known is the fix state of a record that says nothing about it, too.
func known(state string) string {
	if state == "" {
		return "unknown"
	}
	return state
}

func texts(matches []match, text func(match) string) []string {
	var list []string
	for _, m := range matches {
		list = append(list, text(m))
	}
	return list
}

func (d grypeDocument) found() []match {
	var list []match
	for _, m := range d.Matches {
		list = append(list, match{m.Vulnerability.ID, m.Artifact.Name, m.Artifact.Version, m.Vulnerability.Severity, m.Vulnerability.Fix.State})
	}
	return list
}

func (r report) found() []match {
	var list []match
	for _, p := range r.Results[0].Platforms {
		for _, v := range p.Vulnerabilities {
			list = append(list, match{v.ID, v.Package, v.Version, v.Severity, v.FixState})
		}
	}
	return list
}

// installation is one database, installed by both tools from one archive.
type installation struct {
	name       string
	ours, peer string // folders
	broad      bool   // has records for every image with packages
}

// compareVulnerabilities matches every image against the demo's records with
// generated ones beside them, and against an archive that was named.
func compareVulnerabilities(ctx context.Context, l *lab) error {
	var images []lens
	for _, s := range l.subjects {
		if l.runs("vulnerabilities", s.name) {
			images = append(images, s.lenses()...)
		}
	}
	if len(images) == 0 {
		return nil
	}
	archive, err := l.publishDatabase(ctx, images)
	if err != nil {
		return fmt.Errorf("making a database: %w", err)
	}
	archives := []installation{{name: "generated", broad: true}}
	paths := []string{archive}
	if l.database != "" {
		archives, paths = append(archives, installation{name: "named"}), append(paths, l.database)
	}
	for i, db := range archives {
		if db, err = l.install(ctx, db, paths[i]); err != nil {
			return fmt.Errorf("installing the database: %w", err)
		}
		for _, v := range images {
			r := row{section: "vulnerabilities", name: v.title() + ", " + db.name, what: aspects[0].what, peer: "grype", notRun: v.notRun}
			l.table.try(r, func() error { return l.vulnerabilities(ctx, v, db, r) })
		}
	}
	return nil
}

// install imports an archive with each tool's own command.
func (l *lab) install(ctx context.Context, db installation, archive string) (installation, error) {
	db.ours, db.peer = filepath.Join(l.work, "db-"+db.name), filepath.Join(l.work, "grype-db-"+db.name)
	archive, err := filepath.Abs(archive)
	if err != nil {
		return db, err
	}
	if _, err := l.must(ctx, l.gate, "db", "import", archive, "--db", db.ours); err != nil {
		return db, err
	}
	_, err = l.grype(ctx, db, "db", "import", archive)
	return db, err
}

func (l *lab) grype(ctx context.Context, db installation, args ...string) ([]byte, error) {
	config := filepath.Join(l.work, "grype-"+db.name+".yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "db: {cache-dir: %q}\n", db.peer), 0o644); err != nil {
		return nil, err
	}
	return l.must(ctx, l.peers["grype"], append([]string{"--config", config, "-q"}, args...)...)
}

func (l *lab) vulnerabilities(ctx context.Context, v lens, db installation, r row) error {
	out, err := l.grype(ctx, db, append([]string{"registry:" + v.reference, "-o", "json"}, v.flags()...)...)
	if err != nil {
		return err
	}
	var theirs grypeDocument
	if err := json.Unmarshal(out, &theirs); err != nil {
		return err
	}
	ours, err := l.check(ctx, v, db.ours)
	if err != nil {
		return err
	}
	least := 0
	if db.broad && v.least > 0 {
		least = 1
	}
	for _, a := range aspects {
		r.what = a.what
		compared := r.sets(texts(ours.found(), a.text), texts(theirs.found(), a.text), least)
		if failure := ours.failure("vulnerabilities"); failure != "" {
			compared.ours, compared.differences = "undecided", []string{"undecided: " + failure}
		}
		l.table.add(compared)
	}
	return nil
}
