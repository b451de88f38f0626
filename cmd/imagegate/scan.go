package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/scan"
	"github.com/imagegate/imagegate/gate/scan/blobs"
	"github.com/imagegate/imagegate/gate/scan/pace"
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

// registerJudging adds the flags that say how images of a scan are judged.
func (f *checkFlags) registerJudging(flags *pflag.FlagSet) {
	f.policy.register(flags)
	f.images.register(flags)
	f.database.register(flags)
	flags.DurationVar(&f.timeout, "timeout", 10*time.Minute, "time for one image; what is not known by then makes it undecided")
}

// defaultSlots is more than there are cores: much of the time an image waits for its
// registry.
func defaultSlots() int { return max(4, 2*runtime.GOMAXPROCS(0)) }

// paceFlags are what is asked of one registry at most.
type paceFlags struct {
	connections int
	requests    float64
	bandwidth   string
	layers      string
}

func (f *paceFlags) register(flags *pflag.FlagSet) {
	flags.IntVar(&f.connections, "max-connections", 8, "answers of one registry that are read at once")
	flags.Float64Var(&f.requests, "max-requests", 50, "requests to one registry a second")
	flags.StringVar(&f.bandwidth, "max-bandwidth", "", "bytes from one registry a second (20MiB); default no limit")
	flags.StringVar(&f.layers, "layer-cache", "4GiB", "keep so much of the layers that images share, in the cache folder, so that each is pulled once; 0 keeps none")
}

// transport keeps to the limits, whoever asks, and pulls what images share once.
func (f *paceFlags) transport(s *shared) (http.RoundTripper, error) {
	if f.connections < 1 || f.requests <= 0 {
		return nil, usagef("--max-connections 8 --max-requests 50", "a registry that may not be asked cannot be scanned")
	}
	limits := pace.Limits{Connections: f.connections, Requests: f.requests}
	if f.bandwidth != "" {
		bytes, err := humanize.ParseBytes(f.bandwidth)
		if err != nil || bytes == 0 || bytes > 1<<40 {
			return nil, usagef("--max-bandwidth 20MiB", "--max-bandwidth %s is no size", f.bandwidth)
		}
		limits.Bytes = float64(bytes)
	}
	paced := pace.New(image.NewTransport(), limits)
	kept, err := humanize.ParseBytes(f.layers)
	if err != nil || kept > 1<<50 {
		return nil, usagef("--layer-cache 4GiB", "--layer-cache %s is no size", f.layers)
	}
	if kept == 0 {
		return paced, nil
	}
	return blobs.New(paced, filepath.Join(s.cacheDir, "layers"), int64(kept))
}

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
	return f.conclude(cmd.Context(), queue, current, outcome, outputs, baseline)
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

// asUsage is what the user typed wrong where the scan is not there, or not to be gone
// on with.
func asUsage(err error) error {
	var unknown *scan.UnknownError
	var ended *scan.EndedError
	var other *scan.PolicyError
	if errors.As(err, &unknown) || errors.As(err, &ended) || errors.As(err, &other) {
		return &usageError{err: err, hint: remedy(err)}
	}
	return err
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
	show := f.newScanProgress(current.ID(), results)
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

// unfinished says how to go on with what did not end.
func (f *scanFlags) unfinished(cmd *cobra.Command, current *scan.Scan, outcome scan.Outcome, err error) error {
	if errors.Is(err, scan.ErrCancelled) {
		return fmt.Errorf("scan %s: %w", current.ID(), err)
	}
	why := err.Error()
	if errors.Is(err, context.Canceled) {
		why = "interrupted"
	}
	return &unfinishedError{
		what: fmt.Sprintf("scan %s: %s; %d of %d judged", current.ID(), why, outcome.Counts.Judged, outcome.Counts.Units),
		next: resumeCommand(cmd, current.ID()),
	}
}

// unfinishedError is a scan that can go on.
type unfinishedError struct{ what, next string }

func (e *unfinishedError) Error() string  { return e.what }
func (e *unfinishedError) Remedy() string { return e.next }

// resumeCommand is what to type to go on: the flags that were given, less those that
// are kept with the scan.
func resumeCommand(cmd *cobra.Command, id string) string {
	words := []string{cmd.CommandPath(), "--resume", id}
	kept := map[string]bool{"resume": true, "tags": true, "newest": true, "order": true, "since": true, "only-namespace": true, "kubeconfig": true, "ack-wait": true}
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if kept[flag.Name] {
			return
		}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			for _, value := range list.GetSlice() {
				words = append(words, "--"+flag.Name, quoted(value))
			}
			return
		}
		words = append(words, "--"+flag.Name+"="+quoted(flag.Value.String()))
	})
	return strings.Join(words, " ")
}

// quoted is a word as a shell reads it.
func quoted(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// The values of --fail-on beside the verdicts.
const (
	failOnAll  = "deny,undecided"
	failOnNone = "none"
)

func parseFailOn(text string) (map[policy.Decision]bool, error) {
	on := map[policy.Decision]bool{}
	if text == failOnNone {
		return on, nil
	}
	for word := range strings.SplitSeq(text, ",") {
		d := policy.Decision(word)
		if d != policy.Deny && d != policy.NotDecidable {
			return nil, usagef("--fail-on deny,undecided", "--fail-on is a list of deny and undecided, or none; not %q", word)
		}
		on[d] = true
	}
	return on, nil
}

// conclude writes the pages and makes the verdicts an exit code. What could not be
// listed is undecided: nobody knows what is there.
func (f *scanFlags) conclude(ctx context.Context, queue *scan.Queue, current *scan.Scan, outcome scan.Outcome, outputs []scanOutput, baseline *estateFile) error {
	if err := f.writeEstate(ctx, queue, current, outcome, outputs, baseline); err != nil {
		return err
	}
	on, err := parseFailOn(f.failOn)
	if err != nil {
		return err
	}
	undone := ""
	if outcome.ListErrors > 0 {
		undone = fmt.Sprintf("%d targets, or parts of them, could not be listed: what is there was not judged", outcome.ListErrors)
	}
	switch {
	case outcome.Counts.Denied > 0 && on[policy.Deny]:
		return verdictError{decision: policy.Deny, undone: undone}
	case outcome.Counts.Undecided+outcome.ListErrors > 0 && on[policy.NotDecidable]:
		return verdictError{decision: policy.NotDecidable, undone: undone}
	case outcome.Counts.Judged == 0 && on[policy.NotDecidable]:
		return verdictError{decision: policy.NotDecidable, undone: "there was nothing to judge"}
	}
	return nil
}
