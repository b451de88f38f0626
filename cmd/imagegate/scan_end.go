package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/imagegate/imagegate/gate/scan"
	"github.com/imagegate/imagegate/policy"
)

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

// conclude ends the scan, and makes its verdicts an exit code. What could not be
// listed is undecided: nobody knows what is there.
func (f *scanFlags) conclude(ctx context.Context, current *scan.Scan, outcome scan.Outcome) error {
	if err := current.Finish(ctx); err != nil {
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
