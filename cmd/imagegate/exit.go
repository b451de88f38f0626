package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/policy"
)

// The exit codes. They do not depend on the output format.
const (
	exitAllowed   = 0 // allowed, perhaps with warnings; or the command did what it was asked
	exitDenied    = 1
	exitUsage     = 2 // the command line or the configuration is wrong
	exitUndecided = 3 // the image could not be judged, or the command could not do its work
)

// verdictError carries a verdict other than allow to the exit code. The report has
// been written by then, so there is nothing left to say but what was not done for
// it.
type verdictError struct {
	decision policy.Decision
	undone   string // empty: nothing
}

func (e verdictError) Error() string { return string(e.decision) }

// usageError is a mistake on the command line or in a configuration file.
type usageError struct {
	err  error
	hint string
}

func (e *usageError) Error() string  { return e.err.Error() }
func (e *usageError) Unwrap() error  { return e.err }
func (e *usageError) Remedy() string { return e.hint }

// usagef makes a usageError whose hint is the next thing to type.
func usagef(hint, format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...), hint: hint}
}

// exitCode turns what a command returned into its exit code, and says what is
// wrong and what to do next. It is the only place that does either.
func exitCode(w io.Writer, err error) int {
	var verdict verdictError
	if errors.As(err, &verdict) {
		if verdict.undone != "" {
			fmt.Fprintf(w, "imagegate: %s\n", report.Lines(verdict.undone))
		}
		return verdictCode(verdict.decision)
	}
	if err == nil {
		return exitAllowed
	}
	fmt.Fprintf(w, "imagegate: %s\n", report.Lines(message(err)))
	if hint := remedy(err); hint != "" {
		fmt.Fprintf(w, "hint: %s\n", report.Lines(hint))
	}
	if isUsage(err) {
		return exitUsage
	}
	return exitUndecided
}

func verdictCode(d policy.Decision) int {
	switch d {
	case policy.Allow:
		return exitAllowed
	case policy.Deny:
		return exitDenied
	default:
		return exitUndecided
	}
}

func isUsage(err error) bool {
	var usage *usageError
	var reference *gate.ReferenceError
	var format *report.UnknownFormatError
	return errors.As(err, &usage) || errors.As(err, &reference) || errors.As(err, &format)
}

func message(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	return err.Error()
}

// remedy is what the error itself says to do next.
func remedy(err error) string {
	var r interface{ Remedy() string }
	if errors.As(err, &r) {
		return r.Remedy()
	}
	if isUsage(err) {
		return "imagegate help"
	}
	return ""
}
