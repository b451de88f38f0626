package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/imagegate/imagegate/gate/scan/estate"
	"github.com/imagegate/imagegate/policy"
)

// demo scans a registry as Debian packages it, and holds the scan to what check says.
func demo(ctx context.Context, o options) error {
	host, stop, err := startRegistry(ctx, o.out)
	if err != nil {
		return err
	}
	defer stop()
	d := &demonstration{options: o, host: host}
	stock, err := d.stock()
	if err != nil {
		return err
	}
	fmt.Printf("registry             %d images and indexes of %d bases in %d repositories, %d names; %d unique layers, %.1f MiB\n",
		stock.subjects, demoBases, demoRepositories, stock.names, len(stock.layers), mib(stock.bytes()))
	if err := d.buildDatabases(ctx); err != nil {
		return err
	}
	first, err := d.scan(ctx, "one", "first.jsonl")
	if err != nil {
		return err
	}
	pulled := sum(first.records)
	fmt.Printf("scan                 %s\n", first.usage)
	fmt.Printf("pulled               %.1f MiB, %.3f of the unique layers\n", mib(pulled), float64(pulled)/float64(stock.bytes()))
	fmt.Printf("verdicts             %s\n", verdictsOf(first.records))
	different, checks, err := d.compare(ctx, first.records)
	if err != nil {
		return err
	}
	fmt.Printf("check, one by one    %s for %d of them; %d verdicts differ\n", checks, min(o.checks, len(first.records)), different)
	second, err := d.scan(ctx, "two", "second.jsonl")
	if err != nil {
		return err
	}
	read := 0
	for _, r := range second.records {
		broken := slices.ContainsFunc(r.Findings, func(f estate.Finding) bool { return f.Outcome == policy.Undecided })
		if r.Cache["evidence"] != "hit" && !broken {
			read++
		}
	}
	fmt.Printf("on a new database    %s; %.1f MiB pulled, all of it manifests and what could not be read: %d images read again\n", second.usage, mib(sum(second.records)), read)
	if different > 0 || read > 0 || len(first.records) != stock.subjects || len(second.records) != stock.subjects {
		return fmt.Errorf("a promise is broken: %d and %d records of %d", len(first.records), len(second.records), stock.subjects)
	}
	return nil
}

// demonstration is where it takes place.
type demonstration struct {
	options
	host string
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func sum(records map[string]estate.Record) (total int64) {
	for _, r := range records {
		total += r.PulledBytes
	}
	return total
}

func verdictsOf(records map[string]estate.Record) string {
	counts := map[policy.Decision]int{}
	for _, r := range records {
		counts[r.Verdict]++
	}
	return fmt.Sprintf("%d allowed, %d denied, %d undecided", counts[policy.Allow], counts[policy.Deny], counts[policy.NotDecidable])
}

// usage is what a command took.
type usage struct {
	wall, cpu time.Duration
	memory    int64 // bytes, the most that was resident
}

func (u usage) String() string {
	return fmt.Sprintf("%s, %s of CPU, %d MiB", u.wall.Round(100*time.Millisecond), u.cpu.Round(100*time.Millisecond), u.memory>>20)
}

// run runs imagegate with a cache of its own. Exit codes are verdicts.
func (d *demonstration) run(ctx context.Context, cache string, args ...string) ([]byte, usage, error) {
	cmd := exec.CommandContext(ctx, d.gate, args...)
	cmd.Env = append(os.Environ(), "IMAGEGATE_CACHE_DIR="+filepath.Join(d.out, cache), "DOCKER_CONFIG="+d.out)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	start := time.Now()
	err := cmd.Run()
	u := usage{wall: time.Since(start)}
	var exit *exec.ExitError
	if errors.As(err, &exit) && (exit.ExitCode() == 1 || exit.ExitCode() == 3) && out.Len() > 0 {
		err = nil
	}
	if err != nil {
		return nil, u, fmt.Errorf("%s: %w: %s", args[0], err, errs.String())
	}
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.memory = r.Maxrss << 10
	}
	return out.Bytes(), u, nil
}

// flags of scan and check: the preset restricted, a key, and a database.
func (d *demonstration) flags(database string) []string {
	return []string{"--key", filepath.Join(d.out, "cosign.pub"), "--insecure-ignore-tlog", "--db", filepath.Join(d.out, database), "--offline", "--insecure-registry", d.host}
}

// buildDatabases makes two that differ.
func (d *demonstration) buildDatabases(ctx context.Context) error {
	more := filepath.Join(d.out, "advisories")
	if err := os.CopyFS(more, os.DirFS(d.database)); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(more, "govulndb")); err != nil {
		return err
	}
	for name, from := range map[string]string{"one": d.database, "two": more} {
		if _, _, err := d.run(ctx, "cache", "db", "build", "--db", filepath.Join(d.out, name), "--from", from); err != nil {
			return err
		}
	}
	return nil
}

// scanned is what a scan found, by digest.
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
	f, err := os.Open(path)
	if err != nil {
		return scanned{}, err
	}
	defer f.Close()
	records := map[string]estate.Record{}
	for r, err := range estate.Read(f) {
		if err != nil {
			return scanned{}, err
		}
		records[r.Digest] = r
	}
	return scanned{records, u}, nil
}

// compare asks check about each image by itself, with nothing remembered, and counts
// the verdicts that differ.
func (d *demonstration) compare(ctx context.Context, records map[string]estate.Record) (different int, total usage, err error) {
	for _, digest := range slices.Sorted(maps.Keys(records))[:min(d.checks, len(records))] {
		r := records[digest]
		repository := r.References[0][:strings.LastIndexByte(r.References[0], ':')]
		args := append([]string{"check", repository + "@" + digest, "--stage", "scan", "--no-cache", "-o", "json"}, d.flags("one")...)
		out, u, err := d.run(ctx, "cache", args...)
		if err != nil {
			return 0, total, err
		}
		total.wall += u.wall
		total.cpu += u.cpu
		total.memory = max(total.memory, u.memory)
		var report struct {
			Results []struct {
				Verdict  policy.Decision  `json:"verdict"`
				Findings []policy.Finding `json:"findings"`
			} `json:"results"`
		}
		if err := json.Unmarshal(out, &report); err != nil {
			return 0, total, err
		}
		if len(report.Results) != 1 || report.Results[0].Verdict != r.Verdict || !sameRules(report.Results[0].Findings, r.Findings) {
			different++
			fmt.Printf("differs: %s@%s is %s in the scan\n", repository, digest, r.Verdict)
		}
	}
	return different, total, nil
}

// sameRules compares which rules failed or could not be decided.
func sameRules(full []policy.Finding, short []estate.Finding) bool {
	rules := func(add func(func(string, policy.Outcome))) []string {
		var list []string
		add(func(rule string, o policy.Outcome) {
			if o == policy.Fail || o == policy.Undecided {
				list = append(list, rule+" "+string(o))
			}
		})
		slices.Sort(list)
		return slices.Compact(list)
	}
	return slices.Equal(
		rules(func(add func(string, policy.Outcome)) {
			for _, f := range full {
				add(f.Rule, f.Outcome)
			}
		}),
		rules(func(add func(string, policy.Outcome)) {
			for _, f := range short {
				add(f.Rule, f.Outcome)
			}
		}))
}

// startRegistry runs Debian's docker-registry on loopback.
func startRegistry(ctx context.Context, out string) (host string, stop func(), err error) {
	path, err := exec.LookPath("docker-registry")
	if err != nil {
		return "", nil, fmt.Errorf("%w: apt-get install docker-registry", err)
	}
	ports, err := freePorts(1)
	if err != nil {
		return "", nil, err
	}
	host = fmt.Sprintf("127.0.0.1:%d", ports[0])
	config := filepath.Join(out, "registry.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {accesslog: {disabled: true}, level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %q}\n", filepath.Join(out, "registry"), host)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, path, "serve", config)
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	for range 100 {
		if response, err := http.Get("http://" + host + "/v2/"); err == nil {
			_ = response.Body.Close()
			return host, stop, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	return "", nil, errors.New("docker-registry does not answer")
}

// chance is the same in every run.
func chance(n int) *rand.Rand { return rand.New(rand.NewPCG(uint64(n), 7)) }
