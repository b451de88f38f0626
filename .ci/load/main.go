// Command load measures `imagegate serve` from outside: another process, which asks
// over HTTPS and HTTP/2 with a client certificate as an API server does, and is the
// registry too.
//
//	cold        identical questions at once about an image that nobody knows
//	stored      reviews a second of images that are known, and how long they take
//	distinct    many images, and the memory that they take
//	soak        known, new and forgotten images for minutes: memory, goroutines, files
//
// It prints a table, writes it for README (table.md), and fails if a target is missed. It lies in a dot-folder, so that
// no ./... pattern builds or tests it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"
)

// options of a run, and the targets.
type options struct {
	gate, out  string
	rate       int
	during     time.Duration
	together   int
	images     int
	soak       time.Duration
	memory     int64 // MiB
	percentile time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.gate, "imagegate", "bin/imagegate", "the imagegate command")
	flag.StringVar(&o.out, "out", "out/load", "where certificates, database, log and table go")
	flag.IntVar(&o.rate, "rate", 2000, "reviews a second from the store")
	flag.DurationVar(&o.during, "for", 20*time.Second, "how long to ask at that rate")
	flag.IntVar(&o.together, "together", 200, "identical questions at once")
	flag.IntVar(&o.images, "images", 10_000, "distinct images; 0: none")
	flag.DurationVar(&o.soak, "soak", 10*time.Minute, "how long to soak; 0: not at all")
	flag.Int64Var(&o.memory, "memory", 768, "the most memory that the server may take, in MiB (resident, at its peak)")
	flag.DurationVar(&o.percentile, "p99", 5*time.Millisecond, "the most that 99 of 100 stored reviews may take")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	debug.SetGCPercent(400) // our own collections are not to be taken for the server's
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	w, err := newWorld(o.out)
	if err != nil {
		return fmt.Errorf("making a world: %w", err)
	}
	defer w.close()
	s, err := startServer(ctx, o, w)
	if err != nil {
		return fmt.Errorf("starting the server: %w", err)
	}
	defer s.stop()
	var t table
	for _, measure := range []func(context.Context, options, *world, *server, *table) error{cold, stored, distinct, soak} {
		if err := measure(ctx, o, w, s, &t); err != nil {
			fmt.Print(t.text()) // what was measured until then, which took minutes
			return err
		}
	}
	text := t.text()
	fmt.Print(text)
	for name, content := range map[string]string{"table.txt": text, "table.md": t.markdown()} {
		if err := os.WriteFile(filepath.Join(o.out, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return t.verdict()
}
