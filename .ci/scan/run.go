package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/imagegate/imagegate/gate/scan/estate"
)

// usage is what a command took.
type usage struct {
	wall, cpu time.Duration
	memory    int64 // bytes, the most that was resident
}

func (u usage) String() string {
	return fmt.Sprintf("%s, %s of CPU, at most %d MiB resident", u.wall.Round(100*time.Millisecond), u.cpu.Round(100*time.Millisecond), u.memory>>20)
}

// add sums commands up that ran one after the other.
func (u *usage) add(v usage) {
	u.wall += v.wall
	u.cpu += v.cpu
	u.memory = max(u.memory, v.memory)
}

// measure runs a command to its end, however that is.
func measure(cmd *exec.Cmd) (u usage, err error) {
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return u, err
	}
	stop, most := make(chan struct{}), make(chan int64)
	go func() { most <- watchMemory(cmd.Process.Pid, stop) }()
	err = cmd.Wait()
	close(stop)
	u.wall, u.memory = time.Since(start), <-most
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return u, err
}

// watchMemory looks again and again how much a process had resident at most. What the
// kernel says at its end (rusage) is not less than what its parent had when it began.
func watchMemory(pid int, stop <-chan struct{}) (most int64) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // it may have ended
		if _, rest, found := strings.Cut(string(status), "VmHWM:"); found {
			var kilobytes int64
			if _, err := fmt.Sscan(rest, &kilobytes); err == nil {
				most = max(most, kilobytes<<10)
			}
		}
		select {
		case <-stop:
			return most
		case <-tick.C:
		}
	}
}

// run runs imagegate with a cache of its own. Exit codes are verdicts.
func (d *demonstration) run(ctx context.Context, cache string, args ...string) ([]byte, usage, error) {
	cmd := exec.CommandContext(ctx, d.gate, args...)
	cmd.Env = append(os.Environ(), "IMAGEGATE_CACHE_DIR="+filepath.Join(d.out, cache), "DOCKER_CONFIG="+d.out)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	u, err := measure(cmd)
	var exit *exec.ExitError
	if errors.As(err, &exit) && (exit.ExitCode() == 1 || exit.ExitCode() == 3) && out.Len() > 0 {
		err = nil
	}
	if err != nil {
		return nil, u, fmt.Errorf("%s: %w: %s", args[0], err, errs.String())
	}
	return out.Bytes(), u, nil
}

// flags of scan and check: the preset restricted, a key, and a database.
func (d *demonstration) flags(database string) []string {
	return []string{"--key", filepath.Join(d.out, "cosign.pub"), "--insecure-ignore-tlog", "--db", filepath.Join(d.out, database), "--offline"}
}

// scanned is what a scan found, by the first name of each image.
type scanned struct {
	records map[string]estate.Record
	usage   usage
}

func (d *demonstration) scan(ctx context.Context, database, results string) (scanned, error) {
	path := filepath.Join(d.out, results)
	args := append([]string{"scan", d.host, "--max-requests", "10000", "-o", "jsonl=" + path}, d.flags(database)...)
	_, u, err := d.run(ctx, "cache", args...)
	if err != nil {
		return scanned{}, err
	}
	records, err := readRecords(path)
	return scanned{records, u}, err
}

// readRecords reads what a scan has written, by the last of each image's names: of
// two, "stable-v5" and "v5", the one under which it was pushed.
func readRecords(path string) (map[string]estate.Record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records := map[string]estate.Record{}
	for r, err := range estate.Read(f) {
		if err != nil {
			return nil, err
		}
		records[r.References[len(r.References)-1]] = r
	}
	return records, nil
}
