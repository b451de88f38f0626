package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/gate/scan"
	"github.com/imagegate/imagegate/gate/scan/estate"
)

// jsonl is the format of results as they come; the others are pages over all of
// them.
const jsonl = "jsonl"

var pages = map[string]estate.Writer{
	"html": estate.HTML, "csv": estate.CSV, "markdown": estate.Markdown, "prometheus": estate.Prometheus,
}

func scanFormats() []string {
	formats := []string{jsonl}
	for format := range pages {
		formats = append(formats, format)
	}
	slices.Sort(formats)
	return formats
}

// scanOutput is one -o FORMAT[=PATH] of a scan; an empty path is standard output.
type scanOutput struct{ format, path string }

func parseScanOutputs(flags []string) ([]scanOutput, error) {
	var list []scanOutput
	shown := false
	for _, flag := range flags {
		format, path, named := strings.Cut(flag, "=")
		switch {
		case !slices.Contains(scanFormats(), format):
			return nil, usagef("formats are "+strings.Join(scanFormats(), ", "), "unknown format %q", format)
		case named && path == "":
			return nil, usagef("-o "+format+"=estate."+format, "-o %s names no file", flag)
		case !named && shown:
			return nil, usagef("-o "+format+"=PATH", "two formats for standard output")
		}
		shown = shown || !named
		list = append(list, scanOutput{format, path})
	}
	return list, nil
}

// estateFile is what an earlier scan found.
type estateFile struct{ *estate.Estate }

// readBaseline reads the results of an earlier scan; nil where there is none.
func readBaseline(path string) (*estateFile, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, usagef("--baseline names a file that -o jsonl=FILE has written", "reading the baseline: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	before := estate.New()
	for r, err := range estate.Read(f) {
		if err != nil {
			return nil, usagef(remedy(err), "reading the baseline %s: %w", path, err)
		}
		before.Add(r)
	}
	return &estateFile{before}, nil
}

// lines writes results as they come, to standard output or into files that are
// replaced by the whole at the end.
type lines struct {
	mu   sync.Mutex
	open []io.WriteCloser
	out  io.Writer // nil: none
}

func openLines(c console, outputs []scanOutput) (*lines, error) {
	l := &lines{}
	for _, o := range outputs {
		switch {
		case o.format != jsonl:
		case o.path == "":
			l.out = c.out
		default:
			f, err := os.Create(o.path)
			if err != nil {
				l.close()
				return nil, fmt.Errorf("writing results: %w", err)
			}
			l.open = append(l.open, f)
		}
	}
	return l, nil
}

func (l *lines) write(r estate.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil && len(l.open) == 0 {
		return nil
	}
	line, err := r.Line()
	if err != nil {
		return err
	}
	if l.out != nil {
		_, err = l.out.Write(line)
	}
	for _, w := range l.open {
		_, failed := w.Write(line)
		err = errors.Join(err, failed)
	}
	if err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

func (l *lines) close() {
	for _, w := range l.open {
		_ = w.Close() // what matters is written again as a whole
	}
	l.open = nil
}

// writeEstate reads all results once more, now under all their names, and writes
// lines and pages as whole files.
func (f *scanFlags) writeEstate(ctx context.Context, queue *scan.Queue, current *scan.Scan, outcome scan.Outcome, outputs []scanOutput, baseline *estateFile) error {
	all := estate.New()
	var whole bytes.Buffer
	wanted := slices.ContainsFunc(outputs, func(o scanOutput) bool { return o.format == jsonl && o.path != "" })
	for r, err := range queue.Records(ctx, current.ID(), outcome.Names) {
		if err != nil {
			return err
		}
		all.Add(r)
		if !wanted {
			continue
		}
		if err := estate.Write(&whole, r); err != nil {
			return err
		}
	}
	o := estate.Options{Now: time.Now()}
	if baseline != nil {
		o.Baseline = baseline.Estate
	}
	summary := all.Summary(o)
	for _, output := range outputs {
		if err := f.writeOutput(output, whole.Bytes(), summary); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(outputs, func(o scanOutput) bool { return o.path == "" }) {
		return f.sumUp(current.ID(), summary)
	}
	return nil
}

func (f *scanFlags) writeOutput(o scanOutput, whole []byte, summary estate.Summary) error {
	switch {
	case o.format == jsonl && o.path == "":
		return nil // they were written as they came
	case o.format == jsonl:
		return writeFile(o.path, whole)
	}
	var page bytes.Buffer
	if err := pages[o.format](&page, summary, "imagegate "+toolVersion()); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	if o.path == "" {
		_, err := f.console.out.Write(page.Bytes())
		return err
	}
	return writeFile(o.path, page.Bytes())
}

// maxShown is how many reasons and images a summary for people names.
const maxShown = 5

// sumUp is the summary for people, where nothing else goes to standard output.
func (f *scanFlags) sumUp(id string, s estate.Summary) error {
	var b strings.Builder
	say := func(format string, args ...any) { b.WriteString(report.Lines(fmt.Sprintf(format, args...)) + "\n") }
	say("%d images under %d names: %d allowed, %d denied, %d undecided", s.Images, s.References, s.Allowed, s.Denied, s.Undecided)
	for _, r := range s.Reasons[:min(maxShown, len(s.Reasons))] {
		say("  %-10s %-24s %d images", r.Outcome, r.Rule, r.Images)
	}
	for _, i := range s.Worst[:min(maxShown, len(s.Worst))] {
		say("  %-10s %s: %s", i.Verdict, i.Names[0], report.Clip(i.Reason, 120))
	}
	say("%s pulled, %s saved · scan %s", size(s.PulledBytes), size(s.SavedBytes), id)
	_, err := io.WriteString(f.console.out, b.String())
	return err
}
