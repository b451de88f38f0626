package main

import (
	"context"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate/scan"
)

// workerFlags are the values of worker's flags.
type workerFlags struct {
	*shared
	check    *checkFlags
	queue    queueFlags
	pace     paceFlags
	kept     keptFlags
	parallel int
	scan     string
	name     string
}

func newWorker(s *shared) *cobra.Command {
	f := &workerFlags{shared: s, check: &checkFlags{shared: s, manyImages: true}}
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Join scans from another machine",
		Long: `Judge images of the scans that run on a NATS server, until it is stopped. Scans with
another policy are left to others. A worker that is stopped gives back what it
has; one that is killed loses nothing: its images come back to the queue.

Who may publish on the NATS server decides which images this worker asks its
registries for, with the credentials of this machine.

exit codes: 0 ended by a signal · 2 usage or configuration · 3 could not work`,
		Example: `  imagegate worker --nats nats://nats.example.com:4222 --policy policy.yaml

  # facts are shared with the other workers
  imagegate worker --nats nats://nats.example.com:4222 --nats-credentials worker.creds --nats-secret /run/secrets/imagegate

  # another process on the machine that scans
  imagegate worker`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	f.check.registerJudging(flags)
	f.queue.register(flags)
	f.pace.register(flags)
	f.kept.register(flags)
	flags.IntVar(&f.parallel, "parallel", defaultSlots(), "how many images are judged at once")
	flags.StringVar(&f.scan, "scan", "", "work only for the scan of this ID")
	flags.StringVar(&f.name, "name", "", "NAME of this worker in results (default: host and process)")
	completePolicies(cmd)
	return cmd
}

func (f *workerFlags) run(ctx context.Context) error {
	if f.parallel < 1 {
		return usagef("--parallel 4", "a worker judges at least one image at once")
	}
	if err := f.kept.parse(); err != nil {
		return err
	}
	p, err := f.check.policy.load()
	if err != nil {
		return err
	}
	if f.check.images.transport, err = f.pace.transport(f.shared); err != nil {
		return err
	}
	connection, err := f.queue.join(ctx, f.shared)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := f.queue.nats.share(connection, &f.check.images.memory); err != nil {
		return err
	}
	queue, err := scan.Open(ctx, connection)
	if err != nil {
		return err
	}
	f.check.parallel = min(f.parallel, runtime.GOMAXPROCS(0))
	g, done, err := f.check.wire(ctx, p, f.kept.documents())
	if err != nil {
		return err
	}
	defer done()
	say := func(line string) { f.progressf("%s", line) }
	say("waiting for scans with policy " + p.Hash())
	judge := &scan.GateJudge{Gate: g, PolicyHash: p.Hash(), Kept: f.kept.keep(say)}
	return scan.NewWorker(queue, judge, scan.WorkerOptions{
		Name: f.name, PolicyHash: p.Hash(), Parallel: f.parallel, Scan: f.scan, Say: say,
	}).Run(ctx)
}
