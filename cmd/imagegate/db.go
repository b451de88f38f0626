package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
		Example: `  imagegate db status
  imagegate db status --db out/db`,
		Args: noArguments,
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
	f.registerForce(cmd.Flags())
	return cmd
}

// fetchDatabase brings the database up to date and says what happened.
func fetchDatabase(ctx context.Context, s *shared, f databaseFlags) error {
	s.progressf("database: asking %s", f.url)
	show, done := s.databaseProgress()
	result, err := vuln.Update(ctx, f.folder(s), f.url, f.options(show)...)
	done()
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
		Example: `  imagegate db list
  imagegate db list --url https://mirror.example.com/grype/v6/latest.json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			available, err := vuln.List(cmd.Context(), f.url, f.options(nil)...)
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
			show, done := s.databaseProgress()
			result, err := vuln.Import(cmd.Context(), f.folder(s), args[0], f.options(show)...)
			done()
			if err != nil {
				return err
			}
			s.installed(result)
			return nil
		},
	}
	f.registerPath(cmd.Flags())
	f.registerForce(cmd.Flags())
	return cmd
}

func newDBBuild(s *shared) *cobra.Command {
	var f databaseFlags
	var from, archive string
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build a database from advisory files",
		Long: `Build a database from advisory files: for a site without network, and for private
advisories. Read are OSV records and the provider schemas of grype's own builder, as
.json and .jsonl files below a folder, one folder a provider. It goes where --db
says and replaces what is there, or with --archive into a folder that any web
server can serve to "imagegate db update --url" and to grype.`,
		Example: `  imagegate db build --from advisories
  imagegate db build --from advisories --archive www/v6`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" {
				return usagef(cmd.CommandPath()+" --from advisories", "from which folder? --from is missing")
			}
			options := vuln.BuildOptions{Advisories: from, Publish: archive}
			if archive == "" || f.path != "" {
				options.Directory = f.folder(s)
			}
			return buildDatabase(cmd.Context(), s, options)
		},
	}
	f.registerPath(cmd.Flags())
	cmd.Flags().StringVar(&from, "from", "", "folder of advisory files")
	cmd.Flags().StringVar(&archive, "archive", "", "write an archive and latest.json into this folder")
	return cmd
}

func buildDatabase(ctx context.Context, s *shared, options vuln.BuildOptions) error {
	built, err := vuln.Build(ctx, options)
	var faulty *vuln.BuildError
	if errors.As(err, &faulty) {
		return &usageError{err: err, hint: remedy(err)}
	}
	if err != nil {
		return err
	}
	for _, provider := range slices.Sorted(maps.Keys(built.Records)) {
		fmt.Fprintf(s.console.out, "%s: %d records\n", report.Lines(provider), built.Records[provider])
	}
	fmt.Fprintf(s.console.out, "built %s, schema %s\n", built.Database.Built.UTC().Format(time.RFC3339), built.Database.Schema)
	for _, path := range []string{options.Directory, built.Archive, built.Listing} {
		if path != "" {
			fmt.Fprintf(s.console.out, "wrote %s\n", path)
		}
	}
	return nil
}
