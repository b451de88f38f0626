package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// shared are the flags that every verb has.
type shared struct {
	console  console
	cacheDir string
	quiet    bool
}

func newRoot(c console) *cobra.Command {
	s := &shared{console: c}
	root := &cobra.Command{
		Use:   "imagegate",
		Short: "May this container image run?",
		Long: `imagegate judges container images. It pins a reference to a digest, verifies its
signatures, looks into its config and files, lists its packages, matches them
against a vulnerability database and judges all that under one policy.

exit codes: 0 allowed · 1 denied · 2 usage or configuration · 3 could not be judged`,
		Example: `  imagegate check registry.example.com/app:1.4 --key cosign.pub
  imagegate check oci:build/image --policy policy.yaml -o json
  imagegate sbom registry.example.com/app:1.4 --format spdx-json`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef(cmd.CommandPath()+" --help", "%w", err)
	})
	root.PersistentFlags().StringVar(&s.cacheDir, "cache-dir", defaultCacheDir(), "where the vulnerability database is kept, and what is remembered about images")
	root.PersistentFlags().BoolVarP(&s.quiet, "quiet", "q", false, "no progress on standard error")
	root.AddCommand(newCheck(s), newPush(s), newSBOM(s), newDB(s), newCache(s), newPolicy(s), newVersion(s))
	return root
}

// defaultCacheDir is the user's cache folder, or a folder here where there is none.
func defaultCacheDir() string {
	if dir := os.Getenv("IMAGEGATE_CACHE_DIR"); dir != "" {
		return dir
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "imagegate")
	}
	return ".imagegate"
}

// references demands at least one argument.
func references(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef(cmd.CommandPath()+" registry.example.com/app:1.4", "which image? no reference given")
	}
	return nil
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef(cmd.CommandPath()+" --help", "%s takes no arguments, but got %q", cmd.CommandPath(), args[0])
	}
	return nil
}
