package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/scan"
)

// keptFlags are what is written beside the results, one file an image.
type keptFlags struct {
	sboms   []string
	reports string
	formats []document
}

func (f *keptFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.sboms, "sbom", nil, "write SBOMs as FORMAT=FOLDER: spdx-json, cyclonedx-json or syft-json; repeatable; only of images that are judged here")
	flags.StringVar(&f.reports, "reports", "", "write the whole report of each image into this FOLDER, as JSON; only of images that are judged here")
}

func (f *keptFlags) parse() (err error) {
	f.formats, err = parseDocuments(f.sboms)
	return err
}

func (f *keptFlags) documents() bool { return len(f.formats) > 0 }

// keep writes the files of one image. What cannot be written is said: the verdict
// stands.
func (f *keptFlags) keep(say func(string)) func(scan.Unit, gate.Result) {
	if !f.documents() && f.reports == "" {
		return nil
	}
	return func(u scan.Unit, r gate.Result) {
		if err := f.write(r); err != nil {
			say("keeping what is known of " + u.Name + ": " + err.Error())
		}
	}
}

func (f *keptFlags) write(r gate.Result) error {
	if r.Digest == "" {
		return nil // nothing was found
	}
	name := strings.ReplaceAll(r.Digest, ":", "-") + ".json"
	for _, d := range f.formats {
		if err := os.MkdirAll(d.path, 0o755); err != nil {
			return err
		}
		d.path = filepath.Join(d.path, name)
		if err := d.write(r, false); err != nil {
			return err
		}
	}
	if f.reports == "" {
		return nil
	}
	data, err := json.Marshal(r)
	if err == nil {
		err = os.MkdirAll(f.reports, 0o755)
	}
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(f.reports, name), data)
}
