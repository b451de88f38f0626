package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/policy"
)

// diffFlags are the values of diff's flags.
type diffFlags struct {
	*shared
	evidence  string
	stage     string
	namespace string
	output    string
}

func newPolicyDiff(s *shared) *cobra.Command {
	f := &diffFlags{shared: s}
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Say what would change for known images if policy B took the place of A",
		Long: `Judge stored evidence by two policies and say whose verdict would change, and which
rules would answer otherwise.

exit codes: 0 no verdict changes · 1 a verdict changes · 2 usage or configuration`,
		Example: `  imagegate policy diff policy.yaml stricter.yaml --evidence evidence/ --stage scan
  imagegate policy diff policy.yaml stricter.yaml --evidence evidence/ -o json=diff.json`,
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
	flags.StringVarP(&f.output, "output", "o", "text", "what changes as FORMAT or FORMAT=PATH: text or json")
	completeWords(cmd, "stage", words(policy.Stages()))
	completeWords(cmd, "output", []string{"text", "json"})
	return cmd
}

// comparison is what would change. Its JSON form is for machines, and stable.
type comparison struct {
	SchemaVersion string            `json:"schemaVersion"`
	Stage         policy.Stage      `json:"stage"`
	Namespace     string            `json:"namespace,omitempty"`
	Before        gate.PolicyRef    `json:"before"`
	After         gate.PolicyRef    `json:"after"`
	Changed       int               `json:"changed"`
	Images        []imageComparison `json:"images"`
}

// imageComparison is what would change for one image.
type imageComparison struct {
	Evidence  string          `json:"evidence"` // the name of its file
	Reference string          `json:"reference"`
	Digest    string          `json:"digest"`
	Before    policy.Decision `json:"before"`
	After     policy.Decision `json:"after"`
	// Gone are the findings that matter of the first policy alone, New those of the
	// second.
	Gone []policy.Finding `json:"gone"`
	New  []policy.Finding `json:"new"`
}

func (f *diffFlags) run(old, new string) error {
	write, path, err := f.writer()
	if err != nil {
		return err
	}
	c, err := f.compare(old, new)
	if err != nil {
		return err
	}
	if path == "" {
		err = write(f.console.out, c)
	} else {
		var b bytes.Buffer
		if err = write(&b, c); err == nil {
			err = writeFile(path, b.Bytes())
		}
	}
	if err != nil {
		return err
	}
	if c.Changed > 0 {
		return verdictError{decision: policy.Deny}
	}
	return nil
}

// writer is the format of -o, and its file.
func (f *diffFlags) writer() (write func(io.Writer, comparison) error, path string, err error) {
	format, path, named := strings.Cut(f.output, "=")
	if named && path == "" {
		return nil, "", usagef("-o "+format+"=diff."+format, "-o %s names no file", f.output)
	}
	switch format {
	case "text":
		return writeComparison, path, nil
	case "json":
		return func(w io.Writer, c comparison) error { return report.WriteJSON(w, c) }, path, nil
	}
	return nil, "", usagef("formats are text and json", "unknown format %q of a comparison", format)
}

// compare judges every file of evidence by both policies.
func (f *diffFlags) compare(old, new string) (comparison, error) {
	c := comparison{SchemaVersion: "1", Namespace: f.namespace, Images: []imageComparison{}}
	stage, err := parseStage(f.stage)
	if err != nil {
		return c, err
	}
	before, err := (&policyFlags{policy: old}).load()
	if err != nil {
		return c, err
	}
	after, err := (&policyFlags{policy: new}).load()
	if err != nil {
		return c, err
	}
	c.Stage = stage
	c.Before, c.After = gate.PolicyRef{Name: before.Name(), Hash: before.Hash()}, gate.PolicyRef{Name: after.Name(), Hash: after.Hash()}
	files, err := filepath.Glob(filepath.Join(f.evidence, "*.json"))
	if err != nil || len(files) == 0 {
		return c, usagef("imagegate check REF --evidence-output "+filepath.Join(f.evidence, "app.json"), "no evidence in %s", f.evidence)
	}
	now := time.Now()
	for _, file := range files {
		evidence, err := readEvidence(file)
		if err != nil {
			return c, err
		}
		was := before.For(evidence.Reference, f.namespace).Evaluate(evidence, stage, now)
		is := after.For(evidence.Reference, f.namespace).Evaluate(evidence, stage, now)
		if was.Decision != is.Decision {
			c.Changed++
		}
		c.Images = append(c.Images, imageComparison{
			Evidence: filepath.Base(file), Reference: evidence.Reference.Typed, Digest: evidence.Digest,
			Before: was.Decision, After: is.Decision, Gone: onlyIn(was, is), New: onlyIn(is, was),
		})
	}
	return c, nil
}

// writeComparison says what changes, and nothing of images for which nothing does.
func writeComparison(w io.Writer, c comparison) error {
	var b strings.Builder
	for _, image := range c.Images {
		if image.Before == image.After && len(image.Gone)+len(image.New) == 0 {
			continue
		}
		becomes := "stays " + string(image.After)
		if image.Before != image.After {
			becomes = fmt.Sprintf("%s becomes %s", image.Before, image.After)
		}
		fmt.Fprintf(&b, "%s, %s: %s\n", image.Evidence, image.Reference, becomes)
		for _, change := range []struct {
			sign     string
			findings []policy.Finding
		}{{"-", image.Gone}, {"+", image.New}} {
			for _, x := range change.findings {
				fmt.Fprintf(&b, "  %s %s %s: %s\n", change.sign, x.Outcome, x.Rule, x.Message)
			}
		}
	}
	fmt.Fprintf(&b, "%d of %d verdicts change\n", c.Changed, len(c.Images))
	_, err := io.WriteString(w, report.Lines(b.String()))
	return err
}

// onlyIn are the findings of one verdict that matter and that another one has not
// with the same outcome.
func onlyIn(in, other policy.Verdict) []policy.Finding {
	only := []policy.Finding{}
	for _, x := range in.Findings {
		if x.Outcome == policy.Pass || x.Outcome == policy.Skipped {
			continue
		}
		same := func(y policy.Finding) bool {
			return y.Rule == x.Rule && y.Outcome == x.Outcome && y.Platform == x.Platform && y.Vulnerability == x.Vulnerability && y.Package == x.Package
		}
		if !slices.ContainsFunc(other.Findings, same) {
			only = append(only, x)
		}
	}
	return only
}
