package main

import (
	"context"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/gate/scan"
	"github.com/imagegate/imagegate/policy"
)

// registerJudging adds the flags that say how images of a scan are judged.
func (f *checkFlags) registerJudging(flags *pflag.FlagSet) {
	f.policy.register(flags)
	f.images.register(flags)
	f.database.register(flags)
	flags.DurationVar(&f.timeout, "timeout", 10*time.Minute, "time for one image; what is not known by then makes it undecided")
}

// judgeAll lists, judges here if it is to, and collects.
func (f *scanFlags) judgeAll(cmd *cobra.Command, queue *scan.Queue, current *scan.Scan, p *policy.Policy, outputs []scanOutput) (outcome scan.Outcome, err error) {
	references, err := f.listing.references(cmd, f, f.console.in)
	if err != nil {
		return outcome, err
	}
	results, err := openLines(f.console, outputs)
	if err != nil {
		return outcome, err
	}
	defer results.close()
	show := f.newScanProgress(results)
	defer show.done()
	stop, err := current.Activities(show.activity)
	if err != nil {
		return outcome, err
	}
	defer stop()
	if f.parallel > 0 {
		end, err := f.startWorker(cmd.Context(), queue, current, p, show)
		if err != nil {
			return outcome, err
		}
		defer end()
	}
	return current.Run(cmd.Context(), references, show)
}

// startWorker works for this scan in this process until end is called.
func (f *scanFlags) startWorker(ctx context.Context, queue *scan.Queue, current *scan.Scan, p *policy.Policy, show *scanProgress) (end func(), err error) {
	f.check.parallel = min(f.parallel, runtime.GOMAXPROCS(0))
	g, done, err := f.check.wire(ctx, p, f.kept.documents())
	if err != nil {
		return nil, err
	}
	worker := scan.NewWorker(queue, &scan.GateJudge{Gate: g, PolicyHash: p.Hash(), Kept: f.kept.keep(show.say)}, scan.WorkerOptions{
		PolicyHash: p.Hash(), Parallel: f.parallel, Local: true, Scan: current.ID(), Say: show.say,
	})
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := worker.Run(ctx); err != nil {
			show.say(err.Error())
		}
	}()
	return func() { cancel(); <-ended; done() }, nil
}
