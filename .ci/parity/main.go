// Command parity runs imagegate and the tools that it is made of over the same
// things, and prints a table of what each of them says:
//
//	packages          with syft
//	vulnerabilities   with grype, on the same database
//	digests           with crane, over registries, layouts and archives
//	signatures        with cosign v2 and v3, over three registries
//
// The real commands are built from their Go modules; the images are built on the
// spot from Debian's packages, npm's, Go modules and a few records written by
// hand, which takes mmdebstrap, rpm and npm beside apt-get. A difference fails the run unless explained.go says why it is meant to
// be. A case whose tools are missing on this machine is "not run", which is never
// counted as equal.
//
// It lies in a dot-folder, so that no ./... pattern builds or tests it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
)

func main() {
	var o options
	flag.StringVar(&o.gate, "imagegate", "bin/imagegate", "the imagegate command")
	flag.StringVar(&o.out, "out", "out/parity", "where tools, images, database and the table go; what is there is used again")
	flag.StringVar(&o.database, "vulndb", os.Getenv("PARITY_VULNDB"), "compare over this archive of a database, too")
	flag.StringVar(&o.prepare, "prepare", "", "compare nothing, but write the images, a database and the tools to this FOLDER for .ci/bench")
	only := flag.String("only", "", "run the cases that match this expression: section/case")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if o.only, err = regexp.Compile(*only); err == nil {
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "parity:", err)
		os.Exit(1)
	}
}

// options of a run.
type options struct {
	gate, out, database, prepare string
	only                         *regexp.Regexp
}

// section compares one kind of answer and adds its rows to the lab's table.
type section struct {
	name    string
	compare func(context.Context, *lab) error
}

func run(ctx context.Context, o options) error {
	l, err := newLab(o)
	if err != nil {
		return err
	}
	defer l.close()
	sections := []section{{"tools", installPeers}, {"images", buildImages}}
	if o.prepare != "" {
		return compareAll(ctx, l, append(sections, section{"bench", prepareBench}))
	}
	if err := compareAll(ctx, l, append(sections, []section{
		{"digests", compareDigests},
		{"signatures", compareSignatures},
		{"packages", comparePackages},
		{"vulnerabilities", compareVulnerabilities},
	}...)); err != nil {
		return err
	}
	path := filepath.Join(l.out, "table.txt")
	if err := os.WriteFile(path, []byte(l.table.text()), 0o644); err != nil {
		return err
	}
	fmt.Print(l.table.text())
	if o.only.String() == "" {
		for _, reason := range l.table.unneeded() {
			fmt.Printf("an explanation that nothing needed: %s\n", reason)
		}
	}
	fmt.Printf("written to %s\n", path)
	return l.table.verdict()
}

func compareAll(ctx context.Context, l *lab, sections []section) error {
	for _, s := range sections {
		if err := s.compare(ctx, l); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}
