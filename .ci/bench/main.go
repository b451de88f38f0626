// Command bench measures what a check costs, and what the tools cost that it
// replaces: CPU seconds, wall seconds and peak memory of whole processes.
//
// It takes images (OCI layouts) and a vulnerability database from a folder that
// `parity -prepare` makes, serves them from a registry on loopback that counts its
// answers, and runs imagegate and, where they are installed, the peers in turn, A B
// A B, so that what else the machine does hits all of them alike. It prints
// medians and ratios, and writes them with the raw rows.
//
// With -scale it makes images of its own and measures how the cost grows with their
// size, files and packages, and with the images of one call.
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
	"syscall"
)

// options of a run.
type options struct {
	gate     string
	prepared string
	out      string
	rounds   int
	scale    bool
	sizes    int64
	files    int
}

func main() {
	var o options
	flag.StringVar(&o.gate, "imagegate", "bin/imagegate", "the imagegate command")
	flag.StringVar(&o.prepared, "prepared", "out/bench", "what `parity -prepare` made: images, database, tools")
	flag.StringVar(&o.out, "out", "", "write the table and the rows to this FILE, and the chart of -scale beside it")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each command runs")
	flag.BoolVar(&o.scale, "scale", false, "measure how cost grows instead")
	flag.Int64Var(&o.sizes, "max-mb", 2000, "largest image of -scale, in MB")
	flag.IntVar(&o.files, "max-files", 1_000_000, "most files of -scale")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	var err error
	if o.gate, err = filepath.Abs(o.gate); err != nil {
		return err
	}
	if o.prepared, err = filepath.Abs(o.prepared); err != nil {
		return err
	}
	if o.rounds < 1 {
		return fmt.Errorf("-rounds %d: at least one", o.rounds)
	}
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer b.close()
	if o.scale {
		return b.measureGrowth(ctx)
	}
	return b.compareImages(ctx)
}
