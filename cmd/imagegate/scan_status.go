package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/gate/scan"
)

func newScanStatus(s *shared) *cobra.Command {
	var f queueFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status [ID]",
		Short: "Show how far a scan is: the latest, or this one",
		Example: `  imagegate scan status
  imagegate scan status --nats nats://nats.example.com:4222 --json`,
		Args: oneScan,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withScan(cmd, s, args, func(queue *scan.Queue, id string) error {
				status, err := queue.Status(cmd.Context(), id)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(s.console.out).Encode(status)
				}
				return showStatus(s, status)
			})
		},
	}
	f.register(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func newScanCancel(s *shared) *cobra.Command {
	var f queueFlags
	cmd := &cobra.Command{
		Use:   "cancel [ID]",
		Short: "End a scan, wherever it runs: the latest, or this one; what was judged stays",
		Example: `  imagegate scan cancel
  imagegate scan cancel 20270102-150405-c0ffee`,
		Args: oneScan,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withScan(cmd, s, args, func(queue *scan.Queue, id string) error {
				if err := queue.Cancel(cmd.Context(), id); err != nil {
					return err
				}
				fmt.Fprintf(s.console.out, "scan %s is cancelled\n", id)
				return nil
			})
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func oneScan(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usagef(cmd.CommandPath()+" "+args[0], "one scan at a time, not %d", len(args))
	}
	return nil
}

// withScan finds the scan that is meant.
func (f *queueFlags) withScan(cmd *cobra.Command, s *shared, args []string, do func(*scan.Queue, string) error) error {
	connection, err := f.join(cmd.Context(), s)
	if err != nil {
		return err
	}
	defer connection.Close()
	queue, err := scan.Open(cmd.Context(), connection)
	if err != nil {
		return err
	}
	var id string
	if len(args) == 1 {
		id = args[0]
	} else if id, err = queue.Latest(cmd.Context()); err != nil {
		return asUsage(err)
	}
	return asUsage(do(queue, id))
}

func showStatus(s *shared, status scan.Status) error {
	w := tabwriter.NewWriter(s.console.out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, report.Lines(fmt.Sprintf(format, args...)))
	}
	c := status.Counts
	row("scan", "%s, %s", status.ID, status.State)
	row("targets", "%s", strings.Join(status.Targets, " "))
	row("policy", "%s", status.PolicyHash)
	row("started", "%s", status.Started.Format(time.RFC3339))
	if !status.Ended.IsZero() {
		row("ended", "%s", status.Ended.Format(time.RFC3339))
	}
	row("listed", "%d references, %d to judge%s", c.Listed, c.Units, yet(c))
	row("judged", "%d: %d allowed, %d denied, %d undecided", c.Judged, c.Allowed, c.Denied, c.Undecided)
	if status.State == scan.Running {
		row("queue", "%d waiting, %d in flight", status.Queued, status.InFlight)
	}
	row("bytes", "%s pulled, %s saved", size(c.PulledBytes), size(c.SavedBytes))
	return w.Flush()
}

// yet says that there may be more.
func yet(c scan.Counts) string {
	if c.ListingDone {
		return ""
	}
	return " so far"
}
