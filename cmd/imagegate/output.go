package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/catalog"
)

// output is one -o FORMAT[=PATH]; an empty path is standard output.
type output struct {
	write report.Writer
	path  string
}

// parseOutputs reads the -o flags. Something always goes to standard output: text,
// unless a format without a path says otherwise.
func parseOutputs(flags []string) ([]output, error) {
	var list []output
	shown := false
	for _, flag := range flags {
		format, path, named := strings.Cut(flag, "=")
		if named && path == "" {
			return nil, usagef("-o "+format+"=report."+format, "-o %s names no file", flag)
		}
		write, err := report.Lookup(format)
		if err != nil {
			return nil, err
		}
		if !named && shown {
			return nil, usagef("-o "+format+"=PATH", "two formats for standard output")
		}
		shown = shown || !named
		list = append(list, output{write, path})
	}
	if !shown {
		list = append(list, output{report.Text, ""})
	}
	return list, nil
}

// writeReports writes the report in every format that was asked for.
func writeReports(c console, r gate.Report, outputs []output) error {
	for _, o := range outputs {
		if o.path == "" {
			if err := o.write(c.out, r, terminalOptions(c.out)); err != nil {
				return fmt.Errorf("writing the report: %w", err)
			}
			continue
		}
		var b bytes.Buffer
		if err := o.write(&b, r, report.Options{}); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		if err := writeFile(o.path, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// terminalOptions fit a report to where it goes: as wide as a terminal up to 120
// columns, in colour unless NO_COLOR is set (no-color.org) or TERM is dumb.
func terminalOptions(w io.Writer) report.Options {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return report.Options{}
	}
	o := report.Options{Color: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil {
		o.Width = min(width, 120)
	}
	return o
}

// document is one --sbom FORMAT=PATH.
type document struct {
	format catalog.Format
	path   string
}

func parseDocuments(flags []string) ([]document, error) {
	var list []document
	for _, flag := range flags {
		word, path, _ := strings.Cut(flag, "=")
		format, err := catalog.ParseFormat(word)
		if err != nil {
			return nil, &usageError{err: err, hint: remedy(err)}
		}
		if path == "" {
			return nil, usagef("--sbom "+word+"=sbom.json", "--sbom %s names no file", flag)
		}
		list = append(list, document{format, path})
	}
	return list, nil
}

// writeDocuments writes the SBOMs that were judged. A platform without one has a
// failed step in the report.
func writeDocuments(results []gate.Result, documents []document) error {
	for _, result := range results {
		for _, d := range documents {
			if err := d.write(result, len(results) > 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes one file for each platform. The name carries the digest where
// there are several subjects and the platform where there are several of those.
func (d document) write(result gate.Result, severalSubjects bool) error {
	for _, p := range result.Platforms {
		doc, ok := result.Documents[p.Digest]
		if !ok {
			continue
		}
		path := d.path
		if severalSubjects {
			path = infix(path, strings.ReplaceAll(result.Digest[:min(len(result.Digest), 19)], ":", "-"))
		}
		if len(result.Platforms) > 1 {
			path = infix(path, strings.ReplaceAll(p.Name, "/", "-"))
		}
		if err := writeDocument(path, doc, d.format); err != nil {
			return err
		}
	}
	return nil
}

func writeDocument(path string, doc *sbom.Document, format catalog.Format) error {
	var b bytes.Buffer
	if err := catalog.Encode(&b, doc, format); err != nil {
		return err
	}
	return writeFile(path, b.Bytes())
}

// infix puts a word before the extension of a path: app.json → app.linux-amd64.json.
func infix(path, word string) string {
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + "." + word + ext
}

// writeFile replaces a file as a whole: a reader sees the old one or the new one.
// What is there and is no file (/dev/stdout, a pipe) is written to, not replaced.
func writeFile(path string, data []byte) (err error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return writeInto(path, data)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s: %w", path, err)
			_ = os.Remove(f.Name()) // the first error is the one to report
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

func writeInto(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
