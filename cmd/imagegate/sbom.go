package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/inspect"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom/catalog"
)

type sbomFlags struct {
	*shared
	images   imageFlags
	platform string
	format   string
	output   string
	timeout  time.Duration
}

func newSBOM(s *shared) *cobra.Command {
	f := &sbomFlags{shared: s}
	cmd := &cobra.Command{
		Use:   "sbom REF",
		Short: "Write the bill of materials of an image",
		Long: `Write the bill of materials of an image: SPDX 2.3, CycloneDX or syft's own JSON. An
index has one document for each platform image; choose one with --platform, or
give --output, which then becomes one file a platform (app.linux-amd64.json).`,
		Example: `  imagegate sbom registry.example.com/app:1.4 > app.spdx.json
  imagegate sbom registry.example.com/app:1.4 --format cyclonedx-json --platform linux/arm64
  imagegate sbom oci:build/image --format syft-json --output app.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("call it once for each", "one reference at a time, but got %d", len(args))
			}
			return references(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args[0]) },
	}
	flags := cmd.Flags()
	f.images.register(flags)
	flags.StringVar(&f.platform, "platform", "", "only this platform (linux/amd64)")
	flags.StringVar(&f.format, "format", "spdx-json", "spdx-json, cyclonedx-json or syft-json")
	flags.StringVar(&f.output, "output", "", "write to this file instead of standard output")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Minute, "time for the whole")
	completeWords(cmd, "format", words(catalog.Formats()))
	return cmd
}

func (f *sbomFlags) run(ctx context.Context, reference string) error {
	format, err := catalog.ParseFormat(f.format)
	if err != nil {
		return &usageError{err: err, hint: remedy(err)}
	}
	result, err := f.catalog(ctx, reference)
	if err != nil {
		return err
	}
	if f.output == "" && len(result.Platforms) > 1 {
		return usagef("add --platform "+result.Platforms[0].Name+", or --output FILE for one file each",
			"%s has several platforms: %s", reference, strings.Join(platformNames(result), ", "))
	}
	for _, p := range result.Platforms {
		for _, gap := range p.Gaps {
			f.progressf("incomplete: %s: %s", p.Name, gap)
		}
	}
	if f.output == "" {
		return catalog.Encode(f.console.out, result.Documents[result.Platforms[0].Digest], format)
	}
	return document{format, f.output}.write(result, false)
}

// catalog runs the gate under a policy that judges nothing but wants documents,
// and makes a step that failed an error: here there is no verdict to carry it.
func (f *sbomFlags) catalog(ctx context.Context, reference string) (gate.Result, error) {
	show := f.newDisplay()
	defer f.closeDisplay(show)
	memory := f.images.memory.open(f.shared)
	defer memory.close()
	images, err := newImages(f.images, show, memory)
	if err != nil {
		return gate.Result{}, err
	}
	var platforms []string
	if f.platform != "" {
		platforms = append(platforms, f.platform)
	}
	g, err := gate.New(policy.Nothing(platforms...), gate.Engines{Images: images, Inspector: inspect.New(), Cataloger: catalog.New()},
		gate.WithDocuments(), gate.WithTimeout(f.timeout), memory.ofGate(), gate.WithProgress(show.step))
	if err != nil {
		return gate.Result{}, err
	}
	result, err := g.Check(ctx, reference, policy.StageBuild)
	if err != nil {
		return result, err
	}
	if err := failure(result.Evidence.Steps, policy.StepResolve); err != nil {
		return result, err
	}
	if len(result.Platforms) == 0 {
		return result, usagef("leave out --platform to see which there are", "%s has no platform %s", reference, f.platform)
	}
	for _, p := range result.Platforms {
		if err := failure(p.Steps, policy.StepConfig, policy.StepFiles, policy.StepSBOM); err != nil {
			return result, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return result, nil
}

// stepError is a failed step where there is no verdict.
type stepError struct{ status policy.Status }

func (e stepError) Error() string  { return e.status.Error }
func (e stepError) Remedy() string { return e.status.Remedy }

func failure(steps map[policy.Step]policy.Status, names ...policy.Step) error {
	for _, name := range names {
		if s := steps[name]; s.State == policy.Failed {
			return stepError{s}
		}
	}
	return nil
}

func platformNames(result gate.Result) []string {
	var names []string
	for _, p := range result.Platforms {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}
