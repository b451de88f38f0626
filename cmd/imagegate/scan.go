package main

import (
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate/scan"
	"github.com/imagegate/imagegate/policy"
)

// scanFlags are the values of scan's flags.
type scanFlags struct {
	*shared
	check    *checkFlags
	queue    queueFlags
	listing  listingFlags
	pace     paceFlags
	parallel int
	resume   string
	outputs  []string
	baseline string
	failOn   string
	ackWait  time.Duration
	kept     keptFlags
}

func newScan(s *shared) *cobra.Command {
	f := &scanFlags{shared: s, check: &checkFlags{shared: s, manyImages: true}}
	cmd := &cobra.Command{
		Use:   "scan TARGET...",
		Short: "Judge whole registries, repositories or lists, here or with workers elsewhere",
		Long: `Judge every image of registries, repositories, lists, folders or clusters. Each tag
is resolved to a digest once; a digest is judged once in each repository, by
digest, at stage scan, and what it shares with others is read once. A scan that
was interrupted or killed is continued with --resume: nothing is lost, and nothing
but what was in flight is judged again.

targets:
  registry.example.com                 every repository, by the catalog
  registry.example.com/team/**         repositories by a glob
  registry.example.com/team/app        every tag; with :v1.* tags by a glob
  registry.example.com/team/app:1.4    one image
  file:PATH and -                      references from a file or standard input
  oci:FOLDER                           an OCI layout, or every one in the folder
  cluster:[CONTEXT]                    the images of a cluster's workloads, read-only

The queue is NATS JetStream: inside this process, kept in --state, or elsewhere with
--nats, where imagegate worker joins from any machine.

exit codes: 0 all allowed · 1 one denied · 2 usage or configuration · 3 one could not
be judged, or the scan did not end; see --fail-on`,
		Example: `  # a registry: what is wrong, as a page and as lines for machines
  imagegate scan registry.example.com --policy policy.yaml -o html=estate.html -o jsonl=estate.jsonl

  # the three newest tags of each repository of a team, and what changed since yesterday
  imagegate scan 'registry.example.com/team/**' --newest 3 --baseline yesterday.jsonl

  # many machines: one lists and collects, the others work
  imagegate scan registry.example.com --nats nats://nats.example.com:4222 --parallel 0
  imagegate worker --nats nats://nats.example.com:4222

  # go on where it was stopped; look at it, or end it, from another terminal
  imagegate scan --resume latest
  imagegate scan status
  imagegate scan cancel`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.register(cmd)
	cmd.AddCommand(newScanStatus(s), newScanCancel(s))
	return cmd
}

func (f *scanFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.listing.register(cmd)
	f.check.registerJudging(flags)
	f.queue.register(flags)
	f.pace.register(flags)
	f.kept.register(flags)
	flags.IntVar(&f.parallel, "parallel", defaultSlots(), "how many images this process judges at once; 0 leaves them to workers elsewhere")
	flags.StringVar(&f.resume, "resume", "", "go on with the scan of this ID, with the latest, or, where targets are given, with the latest of them if it is unfinished")
	flags.StringArrayVarP(&f.outputs, "output", "o", nil, "results as FORMAT or FORMAT=PATH; repeatable. Formats: "+strings.Join(scanFormats(), ", "))
	flags.StringVar(&f.baseline, "baseline", "", "jsonl FILE of an earlier scan, to show what has changed")
	flags.StringVar(&f.failOn, "fail-on", failOnAll, "which verdicts make the exit code: deny,undecided, deny, undecided or none")
	flags.DurationVar(&f.ackWait, "ack-wait", time.Minute, "how long a worker may be silent before its image goes to another")
	completeWords(cmd, "output", scanFormats())
	completeWords(cmd, "fail-on", []string{failOnAll, string(policy.Deny), string(policy.NotDecidable), failOnNone})
	completePolicies(cmd)
}

// defaultSlots is more than there are cores: much of the time an image waits for its
// registry.
func defaultSlots() int { return max(4, 2*runtime.GOMAXPROCS(0)) }

// run scans. The error is nil only if all images are allowed, or --fail-on says so.
func (f *scanFlags) run(cmd *cobra.Command, targets []string) error {
	if err := f.arguments(cmd, targets); err != nil {
		return err
	}
	p, err := f.check.policy.load()
	if err != nil {
		return err
	}
	outputs, err := parseScanOutputs(f.outputs)
	if err != nil {
		return err
	}
	baseline, err := readBaseline(f.baseline)
	if err != nil {
		return err
	}
	if f.check.images.transport, err = f.pace.transport(f.shared); err != nil {
		return err
	}
	connection, err := f.queue.own(cmd.Context(), f.shared)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := f.queue.nats.share(connection, &f.check.images.memory); err != nil {
		return err
	}
	queue, err := scan.Open(cmd.Context(), connection)
	if err != nil {
		return err
	}
	current, err := f.beginOrResume(cmd.Context(), queue, p)
	if err != nil {
		return err
	}
	outcome, err := f.judgeAll(cmd, queue, current, p, outputs)
	if err != nil {
		return f.unfinished(cmd, current, outcome, err)
	}
	if err := f.writeEstate(cmd.Context(), queue, current, outcome, outputs, baseline); err != nil {
		return f.unfinished(cmd, current, outcome, err)
	}
	return f.conclude(cmd.Context(), current, outcome)
}

// arguments are checked before anything is asked.
func (f *scanFlags) arguments(cmd *cobra.Command, targets []string) error {
	switch {
	case len(targets) == 0 && (f.resume == "" || f.resume == resumeUnfinished):
		return usagef(cmd.CommandPath()+" registry.example.com", "what is to be scanned? no target given")
	case len(targets) > 0 && f.resume != "" && f.resume != resumeUnfinished:
		return usagef(cmd.CommandPath()+" --resume "+f.resume, "a scan goes on with the targets that it was begun with")
	case f.ackWait < time.Second:
		return usagef("--ack-wait 1m", "a worker needs at least a second to say that it is alive")
	case f.parallel < 0, f.parallel == 0 && !f.queue.nats.used():
		return usagef("--parallel 4", "nobody would judge: --parallel 0 needs --nats and workers")
	}
	if _, err := parseFailOn(f.failOn); err != nil {
		return err
	}
	if err := f.kept.parse(); err != nil {
		return err
	}
	if f.resume != "" && f.resume != resumeUnfinished {
		return nil
	}
	return f.listing.settle(targets, time.Now())
}
