// Command scan shows how scans behave in the large, which tests cannot: it prints
// what it measures, and fails where a promise is broken.
//
//	scale   many made-up digests through the real queue, the judging step replaced by
//	        a sleep; killed half way (kill -9) and resumed
//	chaos   three NATS servers and four workers as processes, and the scanner, killed
//	        at random (seeded) until the scan ends all the same
//	demo    a registry with some hundred images of twenty bases: scan against check,
//	        image by image, bytes against layers, and again on a new database
//	faults  the same registry killed and restarted during a scan, a disk that is full,
//	        and a clock that is set, which takes a command that clock builds
//
// It lies in a dot-folder, so that no ./... pattern builds or tests it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// options of a run.
type options struct {
	gate     string // the imagegate command
	out      string // folder for everything
	digests  int
	parallel int
	seed     uint64
	database string
	checks   int
	loop     int
	stepping string
}

func main() {
	var o options
	flag.StringVar(&o.gate, "imagegate", "bin/imagegate", "the imagegate command")
	flag.StringVar(&o.out, "out", "", "FOLDER for what is made (default: a temporary one, removed at the end)")
	flag.IntVar(&o.digests, "digests", 100_000, "scale: how many digests")
	flag.IntVar(&o.parallel, "parallel", 16, "scale: how many are judged at once")
	flag.Uint64Var(&o.seed, "seed", 1, "chaos: what is killed when")
	flag.StringVar(&o.database, "advisories", "examples/demo/advisories", "demo: FOLDER of advisories to build the databases from")
	flag.IntVar(&o.checks, "checks", 400, "demo: how many images to check one by one, too")
	flag.IntVar(&o.loop, "loop", 32, "demo: over how many images to loop with grype")
	flag.StringVar(&o.stepping, "stepping", "", "faults: the imagegate command with a clock that can be stepped, as clock builds it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, flag.Arg(0), o); err != nil {
		fmt.Fprintln(os.Stderr, "scan:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, what string, o options) (err error) {
	if o.out == "" {
		if o.out, err = os.MkdirTemp("", "imagegate-scan-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.out)) }()
	}
	switch what {
	case "scale":
		return scale(ctx, o)
	case "chaos":
		return chaos(ctx, o)
	case "demo":
		return demo(ctx, o)
	case "faults":
		return faults(ctx, o)
	case "clock":
		return buildStepping(ctx, flag.Arg(1))
	case "part": // a process of scale or chaos
		return part(ctx, o, flag.Args()[1:])
	}
	return fmt.Errorf("say scale, chaos, demo or faults, not %q", what)
}
