package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/imagegate/imagegate/policy"
)

// faults scans part of the demo's registry while what a scan stands on fails, and
// holds each verdict to that of the same scan undisturbed.
func faults(ctx context.Context, o options) error {
	registry, err := newDistribution(ctx, o.out)
	if err != nil {
		return err
	}
	defer func() { registry.kill() }()
	stock, err := stock(o.out, registry)
	if err != nil {
		return err
	}
	d := &demonstration{options: o, stock: stock, host: registry.host, pushed: registry.host}
	if err := d.buildDatabases(ctx); err != nil {
		return err
	}
	f := &failing{d, registry}
	for _, step := range []func(context.Context) error{f.registryKilled, f.diskFull, f.clockStepped} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return d.broken
}

// failing is a demonstration in which things fail.
type failing struct {
	*demonstration

	registry *distribution
}

// command scans one team's repositories, an eighth of all.
func (f *failing) command(ctx context.Context, gate, cache string, rate int, more ...string) *exec.Cmd {
	args := append([]string{"scan", "-o", "jsonl=" + filepath.Join(f.out, "faults.jsonl"), "--max-requests", fmt.Sprint(rate)}, f.flags("one")...)
	cmd := exec.CommandContext(ctx, gate, append(args, more...)...)
	cmd.Env = append(os.Environ(), "IMAGEGATE_CACHE_DIR="+cache, "DOCKER_CONFIG="+f.out)
	return cmd
}

func (f *failing) target() string { return f.host + "/team-0/**" }

// judge counts what was found, and what differs from what the images were made for.
func (f *failing) judge(what string, most int) error {
	records, err := readRecords(filepath.Join(f.out, "faults.jsonl"))
	if err != nil {
		return err
	}
	different, allowed := 0, 0
	for name, r := range records {
		expected := f.stock.expected[name]
		if r.Verdict == expected {
			continue
		}
		different++
		if r.Verdict == policy.Allow {
			allowed++
		}
	}
	fmt.Printf("%-20s %d of %d: %s; %d differ, %d of them allowed\n", what, len(records), most, scanned{records: records}.verdicts(), different, allowed)
	f.promise(different == 0, "%s: %d verdicts differ", what, different)
	f.promise(len(records) <= most, "%s: %d records of %d images", what, len(records), most)
	return nil
}

// teamImages is how many images one team has.
const teamImages = demoImages / 8

// registryKilled kills the registry twice while it is read.
func (f *failing) registryKilled(ctx context.Context) error {
	cmd := f.command(ctx, f.gate, filepath.Join(f.out, "cache-registry"), 60, f.target())
	if err := cmd.Start(); err != nil {
		return err
	}
	for range 2 {
		time.Sleep(4 * time.Second)
		f.registry.kill()
		time.Sleep(6 * time.Second)
		if err := f.registry.start(ctx); err != nil {
			return err
		}
	}
	_ = cmd.Wait() // exit codes are verdicts
	return f.judge("registry killed", teamImages)
}

// diskFull scans into a disk that is too small, and goes on when it has grown.
func (f *failing) diskFull(ctx context.Context) error {
	disk := filepath.Join(f.out, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=6m"); err != nil {
		fmt.Printf("disk full            not run: mounting a small disk: %v\n", err)
		return nil
	}
	defer func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) }()
	start := time.Now()
	said, err := f.command(ctx, f.gate, disk, 1000, f.target()).CombinedOutput()
	var exit *exec.ExitError
	f.promise(errors.As(err, &exit) && exit.ExitCode() == 3, "a scan on a full disk ended with %v, not 3", err)
	f.promise(strings.Contains(string(said), "no space left on device") && strings.Contains(string(said), "scan --resume"),
		"a full disk is not told: %s", said)
	fmt.Printf("disk full            ended after %s\n", time.Since(start).Round(100*time.Millisecond))
	if err := f.judge("  until then", teamImages); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=500m"); err != nil {
		return err
	}
	_ = f.command(ctx, f.gate, disk, 1000, "--resume", "latest").Run() // exit codes are verdicts
	return f.judge("  resumed", teamImages)
}

// clockStepped sets the clock two hours forward, and back, in the middle of a scan.
func (f *failing) clockStepped(ctx context.Context) error {
	if f.stepping == "" {
		fmt.Println("clock stepped        not run: -stepping names a command that clock builds")
		return nil
	}
	for _, step := range []string{"2h", "-2h"} {
		cmd := f.command(ctx, f.stepping, filepath.Join(f.out, "cache"+step), 60, f.target())
		cmd.Env = append(cmd.Env, "CLOCK_STEP=6s,"+step)
		_ = cmd.Run() // exit codes are verdicts
		if err := f.judge("clock stepped "+step, teamImages); err != nil {
			return err
		}
	}
	return nil
}
