package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// command is a program with its arguments.
type command struct {
	path string
	args []string
}

// cost of one or several processes. Of several, times add up and the largest
// counts.
type cost struct {
	cpu, wall float64 // seconds
	peak      float64 // MiB
	requests  int     // that the registry answered
	bytes     int64   // that it sent
}

func (c *cost) add(more cost) {
	c.cpu += more.cpu
	c.wall += more.wall
	c.peak = max(c.peak, more.peak)
	c.requests += more.requests
	c.bytes += more.bytes
}

// run runs a command in an environment in which nothing of this machine's user has
// a say. That an image is denied is no failure.
func (b *bench) run(ctx context.Context, c command) (cost, error) {
	cmd := exec.CommandContext(ctx, c.path, c.args...)
	cmd.Dir = b.work
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + b.work, "TMPDIR=" + b.work, "DOCKER_CONFIG=" + b.work,
		"COSIGN_PASSWORD=", "SIGSTORE_NO_CACHE=true",
		"SYFT_CHECK_FOR_APP_UPDATE=false", "SYFT_REGISTRY_INSECURE_USE_HTTP=true",
		"GRYPE_CHECK_FOR_APP_UPDATE=false", "GRYPE_REGISTRY_INSECURE_USE_HTTP=true",
		"GRYPE_DB_AUTO_UPDATE=false", "GRYPE_DB_VALIDATE_AGE=false", "GRYPE_DB_CACHE_DIR=" + filepath.Join(b.work, "grype-db"),
		"TRIVY_INSECURE=true", "TRIVY_SKIP_VERSION_CHECK=true",
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	requests, sent := b.registry.requests.Load(), b.registry.bytes.Load()
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, err
	}
	highest := watchMemory(cmd.Process.Pid)
	err := cmd.Wait()
	wall := time.Since(start)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 && c.path == b.gate {
		err = nil
	}
	if err != nil {
		return cost{}, fmt.Errorf("running %s %s: %w: %s", filepath.Base(c.path), strings.Join(c.args, " "), err, lastLine(said.String()))
	}
	used := cost{
		cpu:  (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		wall: wall.Seconds(), peak: highest(), requests: int(b.registry.requests.Load() - requests), bytes: b.registry.bytes.Load() - sent,
	}
	return used, nil
}

// watchMemory reads the peak of a process' memory until it is told that the process
// is gone, and returns the peak in MiB. What the system tells after the end
// (ru_maxrss) is not good for this: it includes the process that started it.
func watchMemory(pid int) (highest func() float64) {
	stop, peaks := make(chan struct{}), make(chan float64)
	go func() {
		var peak float64
		for {
			if kib := statusOf(pid, "VmHWM:"); kib > 0 {
				peak = kib / 1024
			}
			select {
			case <-stop:
				peaks <- peak
				return
			case <-time.After(3 * time.Millisecond):
			}
		}
	}()
	return func() float64 { close(stop); return <-peaks }
}

// statusOf is one number of /proc/PID/status (proc_pid_status(5)).
func statusOf(pid int, field string) (value float64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			_, _ = fmt.Sscan(rest, &value) // 0 where it is no number
		}
	}
	return value
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// findTools finds the peers in a folder as `parity` installs them, and otherwise on
// the path.
func findTools(folder string) map[string]string {
	tools := map[string]string{}
	for tool, pattern := range map[string]string{
		"crane": "crane-*/crane", "cosign": "cosign-v2-*/cosign", "syft": "syft-*/syft", "grype": "grype-*/grype", "trivy": "trivy-*/trivy",
	} {
		if found, err := filepath.Glob(filepath.Join(folder, pattern)); err == nil && len(found) > 0 {
			tools[tool] = found[len(found)-1]
		} else if path, err := exec.LookPath(tool); err == nil {
			tools[tool] = path
		}
	}
	return tools
}

// median of one aspect of several costs.
func median(costs []cost, of func(cost) float64) float64 {
	var values []float64
	for _, c := range costs {
		values = append(values, of(c))
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2
	}
	return values[middle]
}

// The aspects.
func cpu(c cost) float64      { return c.cpu }
func wall(c cost) float64     { return c.wall }
func peak(c cost) float64     { return c.peak }
func requests(c cost) float64 { return float64(c.requests) }
func sent(c cost) float64     { return float64(c.bytes) }
