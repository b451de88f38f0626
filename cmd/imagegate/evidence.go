package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

// arguments demands references, or evidence and none.
func (f *checkFlags) arguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(f.fromEvidence) == 0:
		return references(cmd, args)
	case len(args) > 0:
		return usagef("leave out one of the two", "--from-evidence judges files, but %q is given too", args[0])
	case len(f.documents) > 0:
		return usagef("imagegate sbom REF", "--sbom needs the image: evidence lists packages, but holds no SBOM")
	}
	return nil
}

// judgeEvidence judges what was collected before, without the registry, the
// database and any key.
func (f *checkFlags) judgeEvidence() error {
	stage, err := parseStage(f.stage)
	if err != nil {
		return err
	}
	outputs, err := parseOutputs(f.outputs)
	if err != nil {
		return err
	}
	p, err := f.policy.load()
	if err != nil {
		return err
	}
	var results []gate.Result
	for _, path := range f.fromEvidence {
		evidence, err := readEvidence(path)
		if err != nil {
			return err
		}
		results = append(results, gate.Judge(p, evidence, stage, f.namespace, time.Now()))
	}
	report := gate.NewReport(p, tool(), results...)
	if err := writeReports(f.console, report, outputs); err != nil {
		return err
	}
	if err := writeEvidence(results, f.evidenceOutput); err != nil {
		return err
	}
	if d := report.Decision(); d != policy.Allow {
		return verdictError{decision: d}
	}
	return nil
}

// readEvidence reads one file of --evidence-output.
func readEvidence(path string) (policy.Evidence, error) {
	data, err := readBounded(path, policy.MaxEvidenceBytes)
	if err != nil {
		return policy.Evidence{}, usagef("imagegate check REF --evidence-output "+path, "reading the evidence: %w", err)
	}
	evidence, err := policy.DecodeEvidence(data)
	if err != nil {
		return policy.Evidence{}, &usageError{err: fmt.Errorf("reading %s: %w", path, err), hint: remedy(err)}
	}
	return evidence, nil
}

// readBounded reads at most one byte more than allowed, so that whoever decodes
// it can say that it is too large.
func readBounded(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(file, most+1))
}

// writeEvidence writes what was judged, a file for each image.
func writeEvidence(results []gate.Result, path string) error {
	if path == "" {
		return nil
	}
	for _, result := range results {
		data, err := policy.EncodeEvidence(result.Evidence)
		if err != nil {
			return err
		}
		to := path
		if len(results) > 1 {
			to = infix(path, strings.ReplaceAll(result.Digest[:min(len(result.Digest), 19)], ":", "-"))
		}
		if err := writeFile(to, data); err != nil {
			return err
		}
	}
	return nil
}
