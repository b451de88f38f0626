package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/gate/store"
)

func newCache(s *shared) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "What is remembered about images: show, prune",
		Long: `What imagegate found out about an image is remembered by its digest, in the cache
folder: what lies in its files, its bill of materials, the vulnerabilities that one
database knows for it, and which signatures verified. Verdicts are not: each check
judges anew, by the policy and the time of the moment.

An entry is checked when it is read; one that is damaged, edited or from elsewhere
is as good as none. The least recently used go when there is too much.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCacheStatus(s), newCachePrune(s))
	return cmd
}

func newCacheStatus(s *shared) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show where the cache is, and how much of what is in it",
		Example: "  imagegate cache status",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			status, err := s.disk().Status()
			if err != nil {
				return fmt.Errorf("reading the cache: %w", err)
			}
			w := tabwriter.NewWriter(s.console.out, 0, 0, 2, ' ', 0)
			fmt.Fprintf(w, "path\t%s\n", status.Folder)
			fmt.Fprintf(w, "size\t%s of %s, %d entries\n", size(status.Bytes), size(status.Limit), status.Entries)
			if status.Entries > 0 {
				fmt.Fprintf(w, "last used\t%s to %s\n", humanize.Time(status.Oldest), humanize.Time(status.Newest))
			}
			for _, kind := range status.Kinds {
				name := kind.Name
				if name == "" {
					name = "unreadable"
				}
				fmt.Fprintf(w, "%s\t%d entries, %s\n", report.Lines(name), kind.Entries, size(kind.Bytes))
			}
			return w.Flush()
		},
	}
}

func newCachePrune(s *shared) *cobra.Command {
	var all bool
	var olderThan time.Duration
	var maxSize string
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove what is remembered: all, what was not used for long, or what is too much",
		Example: `  imagegate cache prune --older-than 720h
  imagegate cache prune --max-size 200MiB
  imagegate cache prune --all`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !all && olderThan <= 0 && maxSize == "" {
				return usagef(cmd.CommandPath()+" --older-than 720h", "which entries? give --all, --older-than or --max-size")
			}
			what := store.Pruning{All: all, UnusedFor: olderThan, MaxBytes: -1}
			if maxSize != "" {
				bytes, err := humanize.ParseBytes(maxSize)
				if err != nil || bytes > 1<<62 {
					return usagef("--max-size 200MiB", "--max-size %s is no size", maxSize)
				}
				what.MaxBytes = int64(bytes)
			}
			pruned, err := s.disk().Prune(what)
			if err != nil {
				return fmt.Errorf("pruning the cache: %w", err)
			}
			fmt.Fprintf(s.console.out, "removed %d entries, %s; left %d, %s\n",
				pruned.Removed, size(pruned.RemovedBytes), pruned.Left, size(pruned.LeftBytes))
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "remove all entries")
	cmd.Flags().DurationVar(&olderThan, "older-than", 0, "remove what was not used for so long (720h)")
	cmd.Flags().StringVar(&maxSize, "max-size", "", "remove the least recently used until so much is left (200MiB)")
	return cmd
}
