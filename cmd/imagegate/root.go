package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/policy"
)

// shared are the flags that every verb has.
type shared struct {
	console  console
	cacheDir string
	quiet    bool
	display  *display // of the command that runs; nil where it shows no rows
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
		Args:          cobra.ArbitraryArgs, // so that RunE is the one to complain
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetFlagErrorFunc(misspeltFlag)
	root.PersistentFlags().StringVar(&s.cacheDir, "cache-dir", defaultCacheDir(), "where the vulnerability database is kept, and what is remembered about images")
	root.PersistentFlags().BoolVarP(&s.quiet, "quiet", "q", false, "no progress on standard error")
	root.AddCommand(newCheck(s), newPush(s), newServe(s), newScan(s), newWorker(s), newSBOM(s), newDB(s), newCache(s), newPolicy(s), newBreakglass(s), newVersion(s))
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

// misspeltFlag says what is nearest to a flag that does not exist, and how a time is
// written.
func misspeltFlag(cmd *cobra.Command, err error) error {
	hint := cmd.CommandPath() + " --help"
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &unknown):
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := policy.Suggest(unknown.GetSpecifiedName(), names); near != "" {
			hint = fmt.Sprintf("did you mean %q?", "--"+near)
		}
	case strings.Contains(err.Error(), "missing unit in duration"):
		hint = "a time has a unit: 10s, 5m or 1h"
	}
	return usagef(hint, "%w", err)
}

// unknownCommand names the nearest one.
func unknownCommand(parent *cobra.Command, word string) error {
	var names []string
	for _, c := range parent.Commands() {
		names = append(names, c.Name())
	}
	hint := parent.CommandPath() + " --help"
	if near := policy.Suggest(word, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", parent.CommandPath()+" "+near)
	}
	return usagef(hint, "unknown command %q", word)
}

// references demands at least one argument, and none that is a policy's file.
func references(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef(cmd.CommandPath()+" registry.example.com/app:1.4", "which image? no reference given")
	}
	for _, arg := range args {
		if ext := filepath.Ext(arg); ext != ".yaml" && ext != ".yml" {
			continue
		}
		if info, err := os.Stat(arg); err == nil && info.Mode().IsRegular() {
			return usagef(fmt.Sprintf("%s REF --policy %s", cmd.CommandPath(), arg), "%s is a file here, not an image", arg)
		}
	}
	return nil
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && cmd.HasSubCommands() {
		return unknownCommand(cmd, args[0])
	}
	if len(args) > 0 {
		return usagef(cmd.CommandPath()+" --help", "%s takes no arguments, but got %q", cmd.CommandPath(), args[0])
	}
	return nil
}
