package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/gate/scan"
)

// unfinished says how to go on with what did not end.
func (f *scanFlags) unfinished(cmd *cobra.Command, current *scan.Scan, outcome scan.Outcome, err error) error {
	if errors.Is(err, scan.ErrCancelled) {
		return fmt.Errorf("scan %s: %w", current.ID(), err)
	}
	why := err.Error()
	if errors.Is(err, context.Canceled) {
		why = "interrupted"
	}
	next := resumeCommand(cmd, current.ID())
	if first := remedy(err); first != "" {
		next = first + ", then " + next
	}
	return &unfinishedError{
		what: fmt.Sprintf("scan %s: %s; %d of %s judged", current.ID(), why, outcome.Counts.Judged, unitsOf(outcome.Counts)),
		next: next,
	}
}

// unitsOf is how many units there are, as far as is known.
func unitsOf(c scan.Counts) string {
	if c.ListingDone {
		return strconv.Itoa(c.Units)
	}
	return fmt.Sprintf("at least %d", c.Units)
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
