package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// contestant is one way to get an answer about an image.
type contestant struct {
	name string
	// before is run and not measured, commands are.
	before   []command
	commands []command
	fresh    string // a folder that is emptied before each round
}

// The names of the two that ratios are told of.
const (
	coldCheck = "imagegate check, nothing remembered"
	handChain = "crane + cosign + syft + grype, chained by hand"
)

// contestants are all ways that this machine has the tools for.
func (b *bench) contestants(s subject) []contestant {
	cache := func(name string) string { return filepath.Join(b.work, "cache-"+name) }
	list := []contestant{
		{name: coldCheck, fresh: cache("cold"),
			commands: []command{b.check(s.reference, b.database, cache("cold"))}},
		{name: "imagegate check, all remembered", fresh: cache("same"),
			before:   []command{b.check(s.reference, b.database, cache("same"))},
			commands: []command{b.check(s.reference, b.database, cache("same"))}},
		{name: "imagegate check, new database", fresh: cache("database"),
			before:   []command{b.check(s.reference, b.small, cache("database"))},
			commands: []command{b.check(s.reference, b.database, cache("database"))}},
		{name: "imagegate check, new image on a known base", fresh: cache("base"),
			before:   []command{b.check(s.reference, b.database, cache("base"))},
			commands: []command{b.check(s.derived, b.database, cache("base"))}},
	}
	return append(list, b.peers(s)...)
}

// check judges as the chain does: signature, config, content, packages,
// vulnerabilities.
func (b *bench) check(reference, database, cache string) command {
	args := []string{"check", reference, "--db", database, "--cache-dir", cache, "--offline", "-q", "-o", "json=" + filepath.Join(b.work, "report.json")}
	if b.signed {
		return command{b.gate, append(args, "--key", b.key("cosign.pub"), "--insecure-ignore-tlog")}
	}
	return command{b.gate, append(args, "--insecure-skip-signatures")}
}

// peers are the tools by themselves, and chained.
func (b *bench) peers(s subject) []contestant {
	var list []contestant
	document := filepath.Join(b.work, "document.json")
	syft := command{b.tools["syft"], []string{"-q", "registry:" + s.reference, "-o", "syft-json=" + document}}
	matched := filepath.Join(b.work, "matches.json")
	if b.tools["syft"] != "" && b.tools["grype"] != "" && b.tools["crane"] != "" && b.tools["cosign"] != "" {
		list = append(list, contestant{name: handChain, commands: []command{
			{b.tools["crane"], []string{"digest", s.reference}},
			{b.tools["cosign"], []string{"verify", "--key", b.key("cosign.pub"), "--insecure-ignore-tlog", s.reference}},
			{b.tools["crane"], []string{"config", s.reference}},
			syft,
			{b.tools["grype"], []string{"-q", "sbom:" + document, "-o", "json", "--file", matched}},
		}})
	}
	if b.tools["grype"] != "" {
		list = append(list, contestant{name: "grype (packages and vulnerabilities)", commands: []command{
			{b.tools["grype"], []string{"-q", "registry:" + s.reference, "-o", "json", "--file", matched}},
		}})
	}
	if b.tools["syft"] != "" {
		list = append(list, contestant{name: "syft (packages)", commands: []command{syft}})
	}
	if b.tools["trivy"] != "" {
		cache := filepath.Join(b.work, "cache-trivy")
		list = append(list, contestant{name: "trivy (packages)", fresh: cache, commands: []command{
			{b.tools["trivy"], []string{"image", "-q", "--image-src", "remote", "--cache-dir", cache, "--format", "cyclonedx", "--output", document, s.reference}},
		}})
	}
	return list
}

// row is one contestant's costs over one image.
type row struct {
	image, facts, contestant string
	costs                    []cost
}

// compareImages runs all contestants over all images and writes the table.
func (b *bench) compareImages(ctx context.Context) error {
	if err := b.makeKey(ctx); err != nil {
		return err
	}
	if err := b.installDatabases(ctx); err != nil {
		return err
	}
	subjects, err := b.subjects(ctx)
	if err != nil {
		return err
	}
	var rows []row
	for _, s := range subjects {
		measured, err := b.compare(ctx, s)
		if err != nil {
			return fmt.Errorf("measuring %s: %w", s.name, err)
		}
		rows = append(rows, measured...)
	}
	return b.write(b.comparison(rows))
}

// compare lets all contestants run once in each round.
func (b *bench) compare(ctx context.Context, s subject) ([]row, error) {
	all := b.contestants(s)
	rows := make([]row, len(all))
	for round := range b.rounds {
		fmt.Fprintf(os.Stderr, "%s: round %d of %d\n", s.name, round+1, b.rounds)
		for i, c := range all {
			used, err := b.once(ctx, c)
			if err != nil {
				return nil, err
			}
			rows[i] = row{s.name, s.facts, c.name, append(rows[i].costs, used)}
		}
	}
	return rows, nil
}

func (b *bench) once(ctx context.Context, c contestant) (cost, error) {
	if c.fresh != "" {
		if err := os.RemoveAll(c.fresh); err != nil {
			return cost{}, err
		}
	}
	for _, before := range c.before {
		if _, err := b.run(ctx, before); err != nil {
			return cost{}, err
		}
	}
	var total cost
	for _, measured := range c.commands {
		used, err := b.run(ctx, measured)
		if err != nil {
			return total, err
		}
		total.add(used)
	}
	return total, nil
}
