package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/policy"
)

// diffFlags are the values of diff's flags.
type diffFlags struct {
	*shared
	evidence  string
	stage     string
	namespace string
}

func newPolicyDiff(s *shared) *cobra.Command {
	f := &diffFlags{shared: s}
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Say what would change for known images if policy B took the place of A",
		Long: `Judge stored evidence by two policies and say whose verdict would change, and which
rules would answer otherwise.

exit codes: 0 no verdict changes · 1 a verdict changes · 2 usage or configuration`,
		Example: "  imagegate policy diff policy.yaml stricter.yaml --evidence evidence/ --stage scan",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef(cmd.CommandPath()+" old.yaml new.yaml --evidence DIR", "two policies are compared, but got %d", len(args))
			}
			if f.evidence == "" {
				return usagef(cmd.CommandPath()+" "+strings.Join(args, " ")+" --evidence DIR", "for which images? --evidence names no folder")
			}
			return nil
		},
		ValidArgsFunction: completePolicyArgument,
		RunE:              func(_ *cobra.Command, args []string) error { return f.run(args[0], args[1]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.evidence, "evidence", "", "folder with files of check --evidence-output (*.json)")
	flags.StringVar(&f.stage, "stage", string(policy.StageBuild), "where the question is asked: build, admission or scan")
	flags.StringVar(&f.namespace, "namespace", "", "namespace that the images are to run in, for overrides")
	completeWords(cmd, "stage", words(policy.Stages()))
	return cmd
}

func (f *diffFlags) run(old, new string) error {
	stage, err := parseStage(f.stage)
	if err != nil {
		return err
	}
	before, err := (&policyFlags{policy: old}).load()
	if err != nil {
		return err
	}
	after, err := (&policyFlags{policy: new}).load()
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(f.evidence, "*.json"))
	if err != nil || len(files) == 0 {
		return usagef("imagegate check REF --evidence-output "+filepath.Join(f.evidence, "app.json"), "no evidence in %s", f.evidence)
	}
	changed, now := 0, time.Now()
	for _, file := range files {
		evidence, err := readEvidence(file)
		if err != nil {
			return err
		}
		was := before.For(evidence.Reference, f.namespace).Evaluate(evidence, stage, now)
		is := after.For(evidence.Reference, f.namespace).Evaluate(evidence, stage, now)
		if was.Decision != is.Decision {
			changed++
		}
		f.write(filepath.Base(file)+", "+evidence.Reference.Typed, was, is)
	}
	fmt.Fprintf(f.console.out, "%d of %d verdicts change\n", changed, len(files))
	if changed > 0 {
		return verdictError{decision: policy.Deny}
	}
	return nil
}

// write says what changes for one image; nothing where nothing does.
func (f *diffFlags) write(image string, was, is policy.Verdict) {
	lines := append(onlyIn("-", was, is), onlyIn("+", is, was)...)
	switch {
	case was.Decision != is.Decision:
		lines = append([]string{fmt.Sprintf("%s: %s becomes %s", image, was.Decision, is.Decision)}, lines...)
	case len(lines) > 0:
		lines = append([]string{fmt.Sprintf("%s: stays %s", image, is.Decision)}, lines...)
	default:
		return
	}
	fmt.Fprintln(f.console.out, report.Lines(strings.Join(lines, "\n")))
}

// onlyIn are the findings of one verdict that matter and that another one has not
// with the same outcome.
func onlyIn(sign string, in, other policy.Verdict) []string {
	var lines []string
	for _, x := range in.Findings {
		if x.Outcome == policy.Pass || x.Outcome == policy.Skipped {
			continue
		}
		same := func(y policy.Finding) bool {
			return y.Rule == x.Rule && y.Outcome == x.Outcome && y.Platform == x.Platform && y.Vulnerability == x.Vulnerability && y.Package == x.Package
		}
		if !slices.ContainsFunc(other.Findings, same) {
			lines = append(lines, fmt.Sprintf("  %s %s %s: %s", sign, x.Outcome, x.Rule, x.Message))
		}
	}
	return lines
}
