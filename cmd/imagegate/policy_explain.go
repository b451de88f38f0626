package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/policy"
)

// explainFlags are the values of explain's flags: those of check, and evidence.
type explainFlags struct {
	checkFlags
	evidence string
	rules    []string
}

func newPolicyExplain(s *shared) *cobra.Command {
	f := &explainFlags{checkFlags: checkFlags{shared: s}}
	cmd := &cobra.Command{
		Use:   "explain [REF]",
		Short: "Say which override and which rule decides about an image, and why",
		Long: `Say which override and which rule decides about an image: for each rule its answer,
the fields of the policy that make it ask, their values and where they come from.

exit codes: 0 explained, whatever the verdict · 2 usage or configuration`,
		Example: `  imagegate policy explain registry.example.com/app:1.4 --policy policy.yaml
  imagegate policy explain --evidence app.json --policy policy.yaml --namespace kube-system
  imagegate policy explain --evidence app.json --rule config.nonRoot`,
		Args: func(cmd *cobra.Command, args []string) error {
			if (f.evidence == "") == (len(args) == 0) || len(args) > 1 {
				return usagef(cmd.CommandPath()+" --evidence app.json", "explain one image: a reference or --evidence FILE")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args) },
	}
	flags := cmd.Flags()
	f.policy.register(flags)
	f.images.register(flags)
	f.database.register(flags)
	flags.StringVar(&f.evidence, "evidence", "", "explain this FILE of check --evidence-output instead of an image")
	flags.StringVar(&f.stage, "stage", string(policy.StageBuild), "where the question is asked: build, admission or scan")
	flags.StringVar(&f.namespace, "namespace", "", "namespace that the image is to run in, for overrides of the policy")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Minute, "time for the image")
	flags.StringArrayVar(&f.rules, "rule", nil, "explain this rule only, by its id; repeatable")
	completeWords(cmd, "stage", words(policy.Stages()))
	completePolicies(cmd)
	completeRules(cmd, &f.policy)
	return cmd
}

func (f *explainFlags) run(ctx context.Context, args []string) error {
	stage, err := parseStage(f.stage)
	if err != nil {
		return err
	}
	p, err := f.policy.load()
	if err != nil {
		return err
	}
	if err := f.knownRules(p); err != nil {
		return err
	}
	evidence, err := f.collect(ctx, p, stage, args)
	if err != nil {
		return err
	}
	verdict, explanations := p.For(evidence.Reference, f.namespace).Explain(evidence, stage, time.Now())
	f.write(p, evidence, stage, verdict, explanations)
	return nil
}

// knownRules refuses a rule that the policy does not have.
func (f *explainFlags) knownRules(p *policy.Policy) error {
	ids := ruleIDs(p)
	for _, id := range f.rules {
		if slices.Contains(ids, id) {
			continue
		}
		hint := "rules are " + strings.Join(ids, ", ")
		if near := policy.Suggest(id, ids); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		return usagef(hint, "unknown rule %q", id)
	}
	return nil
}

// collect reads stored evidence, or collects it as a check does.
func (f *explainFlags) collect(ctx context.Context, p *policy.Policy, stage policy.Stage, args []string) (policy.Evidence, error) {
	if f.evidence != "" {
		return readEvidence(f.evidence)
	}
	g, done, err := f.wire(ctx, p, false)
	if err != nil {
		return policy.Evidence{}, err
	}
	defer done()
	result, err := g.Ask(ctx, gate.Question{Reference: args[0], Stage: stage, Namespace: f.namespace})
	return result.Evidence, err
}

func (f *explainFlags) write(p *policy.Policy, e policy.Evidence, stage policy.Stage, verdict policy.Verdict, list []policy.Explanation) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", e.Reference.Typed, verdict.Decision)
	fmt.Fprintf(&b, "policy %s, stage %s", p.Name(), stage)
	if f.namespace != "" {
		fmt.Fprintf(&b, ", namespace %s", f.namespace)
	}
	b.WriteString("\n")
	writeOverrides(&b, p, p.For(e.Reference, f.namespace).Applied())
	for _, outcome := range []policy.Outcome{policy.Fail, policy.Undecided, policy.Warn, policy.Pass, policy.Skipped} {
		for _, x := range list {
			if len(f.rules) == 0 || slices.Contains(f.rules, x.Rule.ID) {
				writeExplanation(&b, x, outcome)
			}
		}
	}
	fmt.Fprint(f.console.out, report.Lines(b.String()))
}

func writeOverrides(b *strings.Builder, p *policy.Policy, applied []policy.Override) {
	if len(p.Overrides) > 0 && len(applied) == 0 {
		fmt.Fprintf(b, "none of its %d overrides matches\n", len(p.Overrides))
	}
	for i, o := range applied {
		word := "override"
		if i > 0 {
			word = "over it, being more specific,"
		}
		fmt.Fprintf(b, "%s %s sets %s\n", word, o.Title(), strings.Join(o.Fields(), ", "))
	}
}

// writeExplanation writes the findings with one outcome; of a rule that is not
// asked for only its name and the field that would ask for it.
func writeExplanation(b *strings.Builder, x policy.Explanation, outcome policy.Outcome) {
	shown := false
	for _, finding := range x.Findings {
		if finding.Outcome != outcome {
			continue
		}
		shown = true
		fmt.Fprintf(b, "\n%-9s  %s", strings.ToUpper(string(outcome)), x.Rule.ID)
		if finding.Platform != "" {
			fmt.Fprintf(b, " (%s)", finding.Platform)
		}
		fmt.Fprintf(b, ": %s\n", finding.Message)
		for _, fact := range [][2]string{{"expected", finding.Expected}, {"actual", finding.Actual}, {"to do", finding.Remedy}} {
			if fact[1] != "" {
				fmt.Fprintf(b, "           %s: %s\n", fact[0], fact[1])
			}
		}
	}
	if !shown {
		return
	}
	for _, s := range x.Settings {
		fmt.Fprintf(b, "           %s is %s, from %s\n", s.Field, s.Value, s.Origin)
	}
}
