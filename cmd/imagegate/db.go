package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/sbom/vuln"
)

func newDB(s *shared) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "db",
		Short: "The vulnerability database: fetch, show, import or build one",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDBStatus(s), newDBUpdate(s), newDBList(s), newDBImport(s), newDBBuild(s))
	return cmd
}

func newDBStatus(s *shared) *cobra.Command {
	var f databaseFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show which database is in place, and whether it is whole",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			status := vuln.Inspect(f.folder(s))
			if status.Err != nil {
				return status.Err
			}
			w := tabwriter.NewWriter(s.console.out, 0, 0, 2, ' ', 0)
			fmt.Fprintf(w, "path\t%s\n", status.Path)
			fmt.Fprintf(w, "built\t%s (%s)\n", status.Database.Built.UTC().Format(time.RFC3339), humanize.Time(status.Database.Built))
			fmt.Fprintf(w, "schema\t%s\n", status.Database.Schema)
			fmt.Fprintf(w, "checksum\t%s\n", status.Database.Checksum)
			if status.Database.Source != "" {
				fmt.Fprintf(w, "source\t%s\n", report.Lines(status.Database.Source))
			}
			for _, p := range status.Providers {
				fmt.Fprintf(w, "provider\t%s %s\n", report.Lines(p.Name), p.Captured.UTC().Format(time.DateOnly))
			}
			return w.Flush()
		},
	}
	f.registerPath(cmd.Flags())
	return cmd
}

func newDBUpdate(s *shared) *cobra.Command {
	var f databaseFlags
	cmd := &cobra.Command{
		Use:   "update",
		Short: "Fetch the latest database, unless the one in place is as new",
		Example: `  imagegate db update
  imagegate db update --url https://mirror.example.com/grype/v6/latest.json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return fetchDatabase(cmd.Context(), s, f) },
	}
	f.registerPath(cmd.Flags())
	f.registerURL(cmd.Flags())
	return cmd
}

// fetchDatabase brings the database up to date and says what happened.
func fetchDatabase(ctx context.Context, s *shared, f databaseFlags) error {
	s.progressf("database: asking %s", f.url)
	result, err := vuln.Update(ctx, f.folder(s), f.url, vuln.WithProgress(s.databaseProgress()))
	if err != nil {
		return err
	}
	s.installed(result)
	return nil
}

// installed says which database is in place now.
func (s *shared) installed(r *vuln.Result) {
	word := "up to date"
	if r.Changed {
		word = "installed"
	}
	s.progressf("database: %s, built %s", word, r.Database.Built.UTC().Format(time.RFC3339))
	if r.Notice != "" {
		s.progressf("database: %s", r.Notice)
	}
}

func newDBList(s *shared) *cobra.Command {
	var f databaseFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the databases that an address offers",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			available, err := vuln.List(cmd.Context(), f.url)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(s.console.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "BUILT\tSCHEMA\tSTATUS\tADDRESS")
			for _, a := range available {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.Built.UTC().Format(time.RFC3339), report.Lines(a.Schema), report.Lines(a.Status), report.Lines(a.URL))
			}
			return w.Flush()
		},
	}
	f.registerURL(cmd.Flags())
	return cmd
}

func newDBImport(s *shared) *cobra.Command {
	var f databaseFlags
	var force bool
	cmd := &cobra.Command{
		Use:     "import ARCHIVE",
		Short:   "Install a database from an archive, where there is no network",
		Example: "  imagegate db import vulnerability-db_v6.tar.zst",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef(cmd.CommandPath()+" vulnerability-db_v6.tar.zst", "one archive to import, but got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			options := []vuln.UpdateOption{vuln.WithProgress(s.databaseProgress())}
			if force {
				options = append(options, vuln.WithForce())
			}
			result, err := vuln.Import(cmd.Context(), f.folder(s), args[0], options...)
			if err != nil {
				return err
			}
			s.installed(result)
			return nil
		},
	}
	f.registerPath(cmd.Flags())
	cmd.Flags().BoolVar(&force, "force", false, "even if the one in place is newer")
	return cmd
}
