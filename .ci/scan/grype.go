package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imagegate/imagegate/policy"
)

// grypeModule is the command that people write loops with, in the version that
// imagegate links.
const grypeModule, grypeVersion = "github.com/anchore/grype/cmd/grype", "v0.121.2"

// grype finds the command where make parity puts it, or builds it there.
func grype(ctx context.Context) (string, error) {
	folder, err := filepath.Abs(filepath.Join("out", "parity", "bin", "grype-"+grypeVersion))
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "grype")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fmt.Printf("installing grype %s\n", grypeVersion)
	cmd := exec.CommandContext(ctx, "go", "install", grypeModule+"@"+grypeVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+folder, "GOFLAGS=")
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
}

// grypeDatabase puts the database of the scan where grype looks for one.
func (d *demonstration) grypeDatabase() (folder string, err error) {
	installed, err := filepath.Glob(filepath.Join(d.out, "one", "v6", "*", "vulnerability.db"))
	if err != nil || len(installed) != 1 {
		return "", fmt.Errorf("%d databases, not one: %w", len(installed), err)
	}
	folder = filepath.Join(d.out, "grype")
	return folder, os.CopyFS(filepath.Join(folder, "6"), os.DirFS(filepath.Dir(installed[0])))
}

// loopOverGrype is what people do instead: a loop over a command. It looks for
// packages and vulnerabilities alone, in images that can be read.
func (d *demonstration) loopOverGrype(ctx context.Context) error {
	if d.loop == 0 {
		return nil
	}
	path, err := grype(ctx)
	if err != nil {
		return fmt.Errorf("installing grype: %w", err)
	}
	database, err := d.grypeDatabase()
	if err != nil {
		return fmt.Errorf("giving grype the database of the scan: %w", err)
	}
	var readable []string
	for _, name := range slices.Sorted(maps.Keys(d.first.records)) {
		if d.first.records[name].Verdict != policy.NotDecidable {
			readable = append(readable, name)
		}
	}
	every := max(1, len(readable)/d.loop)
	var total usage
	n := 0
	for i := 0; i < len(readable) && n < d.loop; i, n = i+every, n+1 {
		cmd := exec.CommandContext(ctx, path, "-q", "registry:"+readable[i], "-o", "json", "--file", filepath.Join(d.out, "grype.json"))
		cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+d.out, "GRYPE_CHECK_FOR_APP_UPDATE=false", "GRYPE_REGISTRY_INSECURE_USE_HTTP=true",
			"GRYPE_DB_AUTO_UPDATE=false", "GRYPE_DB_VALIDATE_AGE=false", "GRYPE_DB_CACHE_DIR="+database)
		var errs strings.Builder
		cmd.Stderr = &errs
		u, err := measure(cmd)
		if err != nil {
			return fmt.Errorf("grype %s: %w: %s", readable[i], err, errs.String())
		}
		total.add(u)
	}
	scan := d.first.usage.cpu / time.Duration(len(d.first.records))
	loop := total.cpu / time.Duration(n)
	fmt.Printf("loop over grype      %s for %d of the images\n", total, n)
	fmt.Printf("CPU for each image   %s in the scan, %s in the loop: %.2f of it\n", scan.Round(time.Millisecond), loop.Round(time.Millisecond), float64(scan)/float64(loop))
	return nil
}
