package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/policy"
)

// checkFlags are the values of check's flags.
type checkFlags struct {
	*shared
	policy    policyFlags
	images    imageFlags
	database  databaseFlags
	stage     string
	namespace string
	timeout   time.Duration
	outputs   []string
	documents []string
	// evidenceOutput is where to write what was judged, fromEvidence what to judge
	// instead of references.
	evidenceOutput string
	fromEvidence   []string
	// parallel is how many platform images are read at once; 0 is the gate's default.
	parallel int
	// manyImages are shown by somebody else than the line of one image.
	manyImages bool
}

func newCheck(s *shared) *cobra.Command {
	f := &checkFlags{shared: s}
	cmd := &cobra.Command{
		Use:   "check REF...",
		Short: "Judge images: may they run?",
		Long: `Judge images and say why. Each reference is pinned to a digest once; signature,
config, files, packages and vulnerabilities are those of that digest. An index is
judged whole, every platform image.

exit codes: 0 allowed · 1 denied · 2 usage or configuration · 3 could not be judged`,
		Example: `  # the preset restricted, and a key
  imagegate check registry.example.com/app:1.4 --key cosign.pub

  # signed by a workflow, keyless
  imagegate check registry.example.com/app:1.4 \
    --certificate-identity https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main \
    --certificate-oidc-issuer https://token.actions.githubusercontent.com

  # before push: what a build left on disk, with a policy of your own
  imagegate check oci:build/image --policy policy.yaml --insecure-skip-signatures

  # for machines, and the SBOM that was judged
  imagegate check registry.example.com/app:1.4 -o json=report.json --sbom spdx-json=app.spdx.json

  # keep what was judged, and judge it again by another policy, without the registry
  imagegate check registry.example.com/app:1.4 --evidence-output app.json
  imagegate check --from-evidence app.json --policy stricter.yaml`,
		Args: func(cmd *cobra.Command, args []string) error { return f.arguments(cmd, args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(f.fromEvidence) > 0 {
				return f.judgeEvidence()
			}
			_, err := f.judge(cmd.Context(), args)
			return err
		},
	}
	f.register(cmd)
	cmd.Flags().StringArrayVar(&f.fromEvidence, "from-evidence", nil, "judge this FILE of --evidence-output instead of an image; repeatable")
	return cmd
}

// register adds the flags that say how to judge.
func (f *checkFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.policy.register(flags)
	f.images.register(flags)
	f.database.register(flags)
	flags.StringVar(&f.stage, "stage", string(policy.StageBuild), "where the question is asked: build, admission or scan")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Minute, "time for one image; what is not known by then makes it undecided")
	flags.StringArrayVarP(&f.outputs, "output", "o", nil, "report as FORMAT or FORMAT=PATH; repeatable. Formats: "+strings.Join(report.Formats(), ", "))
	flags.StringArrayVar(&f.documents, "sbom", nil, "write the SBOM as FORMAT=PATH: spdx-json, cyclonedx-json or syft-json; repeatable")
	flags.StringVar(&f.namespace, "namespace", "", "namespace that the image is to run in, for overrides of the policy")
	flags.StringVar(&f.evidenceOutput, "evidence-output", "", "write what was judged to this FILE, to be judged again")
	completeWords(cmd, "stage", words(policy.Stages()))
	completeWords(cmd, "output", report.Formats())
	completePolicies(cmd)
}

// judge judges every reference, whatever becomes of the others, and writes one
// report. The error is nil only if all of them are allowed.
func (f *checkFlags) judge(ctx context.Context, references []string) ([]gate.Result, error) {
	stage, err := parseStage(f.stage)
	if err != nil {
		return nil, err
	}
	outputs, err := parseOutputs(f.outputs)
	if err != nil {
		return nil, err
	}
	documents, err := parseDocuments(f.documents)
	if err != nil {
		return nil, err
	}
	p, err := f.policy.load()
	if err != nil {
		return nil, err
	}
	g, done, err := f.wire(ctx, p, len(documents) > 0)
	if err != nil {
		return nil, err
	}
	results, misnamed := f.checkAll(ctx, g, references, stage)
	done()
	return results, f.tell(g, results, misnamed, outputs, documents)
}

// maxQuestions is how many references are asked about at once. How many images are
// read at once the gate bounds, for all of them together.
const maxQuestions = 8

// checkAll judges every reference, whatever becomes of the others. Results are in
// the order of the references.
func (f *checkFlags) checkAll(ctx context.Context, g *gate.Gate, references []string, stage policy.Stage) (results []gate.Result, misnamed []error) {
	answers, errs := make([]gate.Result, len(references)), make([]error, len(references))
	var group errgroup.Group
	group.SetLimit(maxQuestions)
	for i, reference := range references {
		group.Go(func() error {
			answers[i], errs[i] = g.Ask(ctx, gate.Question{Reference: reference, Stage: stage, Namespace: f.namespace})
			return nil
		})
	}
	_ = group.Wait() // each reference keeps its own error
	for i := range references {
		if errs[i] != nil {
			misnamed = append(misnamed, errs[i])
			continue
		}
		results = append(results, answers[i])
	}
	return results, misnamed
}

// tell writes the report and the documents, and makes the verdict an error for
// the exit code.
func (f *checkFlags) tell(g *gate.Gate, results []gate.Result, misnamed []error, outputs []output, documents []document) error {
	if len(results) == 0 {
		return errors.Join(misnamed...)
	}
	judged := g.NewReport(tool(), results...)
	if err := writeReports(f.console, judged, outputs); err != nil {
		return err
	}
	if err := writeDocuments(results, documents); err != nil {
		return err
	}
	if err := writeEvidence(results, f.evidenceOutput); err != nil {
		return err
	}
	if len(misnamed) > 0 {
		return errors.Join(misnamed...)
	}
	if d := judged.Decision(); d != policy.Allow {
		return verdictError{decision: d}
	}
	return nil
}

func parseStage(word string) (policy.Stage, error) {
	for _, s := range policy.Stages() {
		if word == string(s) {
			return s, nil
		}
	}
	return "", usagef("stages are build, admission and scan", "unknown stage %q", word)
}

func words[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

// completeWords makes the shell complete a flag with these words.
func completeWords(cmd *cobra.Command, flag string, list []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(fmt.Sprintf("flag %s is not registered: %v", flag, err))
	}
}
