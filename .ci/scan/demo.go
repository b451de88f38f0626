package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imagegate/imagegate/policy"
)

const (
	// maxRatio is how much of the layers may be pulled, by their unique bytes.
	maxRatio = 1.05
	// maxMemory is what the scanner may have resident, queue and workers and all.
	maxMemory = 384 << 20
)

// demo scans a registry as Debian packages it, and holds the scan to what check says.
func demo(ctx context.Context, o options) error {
	registry, err := newDistribution(ctx, o.out)
	if err != nil {
		return err
	}
	defer registry.kill()
	stock, err := stock(o.out, registry)
	if err != nil {
		return err
	}
	meter := newMeter(registry.host)
	defer meter.Close()
	d := &demonstration{options: o, stock: stock, meter: meter, host: meter.host(), pushed: registry.host}
	fmt.Printf("registry             docker-registry: %d images, %d of them indexes, of %d bases in %d repositories, %d names; %d unique layers, %.1f MiB\n",
		demoImages, stock.indexes, demoBases, demoRepositories, stock.names, len(stock.layers), mib(stock.bytes()))
	for _, kind := range slices.Sorted(maps.Keys(stock.kinds)) {
		fmt.Printf("  %-24s %d\n", kind, stock.kinds[kind])
	}
	if err := d.buildDatabases(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{d.scanOnce, d.compare, d.scanAgain, d.loopOverGrype} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return d.broken
}

// demonstration is where it takes place.
type demonstration struct {
	options
	stock  *stocked
	meter  *meter
	host   string // as it is scanned: the meter
	pushed string // as it was pushed
	first  scanned
	broken error // promises, joined
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// promise notes what does not hold.
func (d *demonstration) promise(holds bool, format string, args ...any) {
	if !holds {
		d.broken = errors.Join(d.broken, fmt.Errorf(format, args...))
	}
}

// scanOnce scans with nothing remembered.
func (d *demonstration) scanOnce(ctx context.Context) (err error) {
	d.meter.take(d.stock.layers)
	if d.first, err = d.scan(ctx, "one", "first.jsonl"); err != nil {
		return err
	}
	w := d.meter.take(d.stock.layers)
	ratio := float64(w.layers) / float64(d.stock.bytes())
	fmt.Printf("scan                 %s; bound of memory %d MiB\n", d.first.usage, int64(maxMemory)>>20)
	fmt.Printf("on the wire          %.1f MiB of layers, %.3f of the unique ones, and %.1f MiB of manifests, configs and signatures in %d requests\n",
		mib(w.layers), ratio, mib(w.other), w.asked)
	fmt.Printf("verdicts             %s\n", d.first.verdicts())
	d.promise(ratio <= maxRatio, "%.3f of the unique layers were pulled", ratio)
	d.promise(d.first.usage.memory <= maxMemory, "the scan took %d MiB of memory", d.first.usage.memory>>20)
	d.promise(len(d.first.records) == demoImages, "%d records of %d", len(d.first.records), demoImages)
	unexpected := 0
	for name, r := range d.first.records {
		pushed := strings.Replace(name, d.host, d.pushed, 1)
		if r.Verdict != d.stock.expected[pushed] {
			unexpected++
			fmt.Printf("unexpected: %s (%s) is %s\n", name, d.stock.kindOf[pushed], r.Verdict)
		}
	}
	d.promise(unexpected == 0, "%d verdicts are not what they were made for", unexpected)
	return nil
}

// scanAgain scans with another database: what was read once is not read again.
func (d *demonstration) scanAgain(ctx context.Context) error {
	d.meter.take(d.stock.layers)
	second, err := d.scan(ctx, "two", "second.jsonl")
	if err != nil {
		return err
	}
	whole := maps.Clone(d.stock.layers)
	for digest := range d.stock.torn {
		delete(whole, digest)
	}
	w := d.meter.take(whole)
	fmt.Printf("on a new database    %s; %.1f MiB of layers on the wire, %.1f MiB of manifests, signatures and what is torn in %d requests\n",
		second.usage, mib(w.layers), mib(w.other), w.asked)
	fmt.Printf("verdicts             %s\n", second.verdicts())
	d.promise(w.layers == 0, "%d bytes of layers were pulled again", w.layers)
	d.promise(len(second.records) == demoImages, "%d records of %d", len(second.records), demoImages)
	return nil
}

// buildDatabases makes two that differ: the second lacks what Go modules have.
func (d *demonstration) buildDatabases(ctx context.Context) error {
	fewer := filepath.Join(d.out, "advisories")
	if err := os.CopyFS(fewer, os.DirFS(d.database)); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(fewer, "govulndb")); err != nil {
		return err
	}
	for name, from := range map[string]string{"one": d.database, "two": fewer} {
		if _, _, err := d.run(ctx, "cache", "db", "build", "--db", filepath.Join(d.out, name), "--from", from); err != nil {
			return err
		}
	}
	return nil
}

// verdicts in words.
func (s scanned) verdicts() string {
	counts := map[policy.Decision]int{}
	for _, r := range s.records {
		counts[r.Verdict]++
	}
	return fmt.Sprintf("%d allowed, %d denied, %d undecided", counts[policy.Allow], counts[policy.Deny], counts[policy.NotDecidable])
}
