package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/policy"
)

// tableFlags are the values of the flags of policy test.
type tableFlags struct {
	*shared
	junit string
}

func newPolicyTest(s *shared) *cobra.Command {
	f := &tableFlags{shared: s}
	cmd := &cobra.Command{
		Use:   "test FILE...",
		Short: "Hold policies to tables of evidence and expected verdicts",
		Long: `Hold policies to tables. A table names a policy, a moment, and cases: a file of
"imagegate check --evidence-output", the stage, and the verdict that must come out.
Files are named relative to the table.

  apiVersion: imagegate.dev/v1
  kind: PolicyTest
  policy: policy.yaml
  now: 2026-11-23
  tests:
  - name: an image that runs as root is refused
    evidence: root.json
    stage: admission
    namespace: production            # optional
    verdict: deny                    # allow, deny or undecided
    findings:                        # optional
    - {rule: config.nonRoot, outcome: fail}

exit codes: 0 every case is as it should be · 1 one is not · 2 usage or configuration`,
		Example: `  imagegate policy test policy/test.yaml
  imagegate policy test policy/*/test.yaml --junit report.xml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(cmd.CommandPath()+" test.yaml", "which tables? no file given")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return f.run(args) },
	}
	cmd.Flags().StringVar(&f.junit, "junit", "", "write the results as JUnit XML to this FILE")
	return cmd
}

// caseResult is what became of one case.
type caseResult struct {
	name        string
	differences []string
}

func (f *tableFlags) run(files []string) error {
	suites := map[string][]caseResult{}
	failed := 0
	var broken []error
	for _, file := range files {
		results, err := runTable(file)
		if err != nil {
			broken = append(broken, err)
			continue
		}
		suites[file] = results
		failed += f.tell(file, results)
	}
	if f.junit != "" {
		if err := writeJUnit(f.junit, files, suites); err != nil {
			return err
		}
	}
	switch {
	case len(broken) > 0:
		return errors.Join(broken...)
	case failed > 0:
		return verdictError{decision: policy.Deny}
	}
	return nil
}

// tell writes what became of one table, and counts the cases that failed.
func (f *tableFlags) tell(file string, results []caseResult) int {
	failed := 0
	for _, r := range results {
		if len(r.differences) == 0 {
			continue
		}
		failed++
		text := "FAIL  " + file + ": " + r.name + "\n      " + strings.ReplaceAll(strings.Join(r.differences, "\n"), "\n", "\n      ")
		fmt.Fprintln(f.console.out, report.Lines(text))
	}
	fmt.Fprintf(f.console.out, "%s: %d of %d as they should be\n", report.Lines(file), len(results)-failed, len(results))
	return failed
}

// runTable judges every case of a table.
func runTable(file string) ([]caseResult, error) {
	data, err := readBounded(file, policy.MaxBytes)
	if err != nil {
		return nil, usagef("imagegate policy test --help", "reading the table: %w", err)
	}
	table, err := policy.ParseTable(file, data)
	if err != nil {
		return nil, &usageError{err: err, hint: "imagegate policy test --help"}
	}
	dir := filepath.Dir(file)
	name := table.Policy
	if !slices.Contains(policy.PresetNames(), name) {
		name = near(dir, name)
	}
	p, err := (&policyFlags{policy: name}).load()
	if err != nil {
		return nil, err
	}
	results := make([]caseResult, len(table.Tests))
	for i, c := range table.Tests {
		evidence, err := readEvidence(near(dir, c.Evidence))
		if err != nil {
			return nil, err
		}
		results[i] = caseResult{c.Name, c.Differences(c.Judge(p, evidence, table.Now))}
	}
	return results, nil
}

// near is a name relative to a folder.
func near(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}
