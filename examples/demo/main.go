// Command demo shows the main job of imagegate on three images, offline: one is
// allowed, one denied for several reasons, one undecided.
//
// It serves a registry from its own process, builds the images from real content
// (Go programs compiled on the spot, a Debian package database), signs two of
// them with a fresh key, builds a vulnerability database from the records in
// advisories, and then runs the imagegate command as a user would. It fails if a
// verdict is not the expected one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	gate := flag.String("imagegate", "bin/imagegate", "the imagegate command")
	out := flag.String("out", "out/demo", "where reports, SBOMs, key and database go")
	flag.Parse()
	if err := run(*gate, *out); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// expectation is one image of the demo and the exit code that it must get.
type expectation struct {
	name string
	why  string
	exit int
}

var expectations = []expectation{
	{"web:1.0", "static, unprivileged, signed: allowed", 0},
	{"legacy:latest", "root, a shell, a secret, old packages, unsigned: denied", 1},
	{"strange:1.0", "signed, but of a distribution that no database knows: undecided", 3},
}

func run(gate, out string) error {
	gate, err := filepath.Abs(gate)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	server := httptest.NewServer(registry.New(registry.Logger(discard())))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")

	say("compiling the programs of the images")
	programs, err := compile(filepath.Join(out, "programs"))
	if err != nil {
		return err
	}
	say("pushing three images to a registry at %s and signing two of them", host)
	if err := publish(host, programs, filepath.Join(out, "cosign.pub")); err != nil {
		return err
	}
	database := filepath.Join(out, "db")
	say("building a vulnerability database from examples/demo/advisories")
	if err := os.RemoveAll(database); err != nil {
		return err
	}
	if code, err := command(gate, "db", "build", "--from", "examples/demo/advisories", "--db", database); err != nil || code != 0 {
		return fmt.Errorf("building the database: exit code %d, %w", code, err)
	}
	for _, e := range expectations {
		if err := check(gate, host, out, database, e); err != nil {
			return err
		}
	}
	say("done; what was written:")
	return list(out)
}

// check judges one image and compares the exit code with the expected one.
func check(gate, host, out, database string, e expectation) error {
	say("%s: %s", e.name, e.why)
	base := filepath.Join(out, strings.NewReplacer(":", "-").Replace(e.name))
	code, err := command(gate, "check", host+"/demo/"+e.name, "--cache-dir", filepath.Join(out, "cache"),
		"--key", filepath.Join(out, "cosign.pub"), "--insecure-ignore-tlog",
		"--db", database, "--offline",
		"-o", "text", "-o", "json="+base+".report.json",
		"--sbom", "spdx-json="+base+".spdx.json")
	if err != nil {
		return err
	}
	fmt.Printf("(exit code %d)\n", code)
	if code != e.exit {
		return fmt.Errorf("%s: exit code %d, expected %d", e.name, code, e.exit)
	}
	return nil
}

// command runs imagegate, shows what it prints and returns its exit code.
func command(gate string, args ...string) (int, error) {
	fmt.Printf("$ imagegate %s\n", strings.Join(args, " "))
	cmd := exec.Command(gate, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// programs are the files of compiled programs by name.
type programs map[string][]byte

// compile builds the programs of the images, static and stripped, from the
// nested module examples/demo/programs.
func compile(dir string) (programs, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(abs, 0o755); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s", "-o", abs+string(filepath.Separator),
		"./web", "./legacy", "mvdan.cc/sh/v3/cmd/gosh")
	cmd.Dir = filepath.Join("examples", "demo", "programs")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOWORK=off")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("compiling the programs of the images: %w", err)
	}
	built := programs{}
	for _, name := range []string{"web", "legacy", "gosh"} {
		if built[name], err = os.ReadFile(filepath.Join(abs, name)); err != nil {
			return nil, err
		}
	}
	return built, nil
}

// list names the files that were written for the user.
func list(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && !e.IsDir() {
			fmt.Printf("  %s (%d bytes)\n", filepath.Join(dir, e.Name()), info.Size())
		}
	}
	return nil
}

func say(format string, args ...any) {
	fmt.Printf("\n# "+format+"\n", args...)
}
