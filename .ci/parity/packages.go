package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// lens is a subject seen as one platform image.
type lens struct {
	*subject
	platform string // empty where there is only one
}

func (s *subject) lenses() []lens {
	if len(s.platforms) == 0 {
		return []lens{{s, ""}}
	}
	var list []lens
	for _, p := range s.platforms {
		list = append(list, lens{s, p})
	}
	return list
}

func (v lens) title() string { return strings.TrimSpace(v.name + " " + v.platform) }

// flags choose the platform, in the words of every tool.
func (v lens) flags() []string {
	if v.platform == "" {
		return nil
	}
	return []string{"--platform", v.platform}
}

// syftDocument has of syft's JSON what is compared or made into advisories.
type syftDocument struct {
	Artifacts []artifact `json:"artifacts"`
	Distro    struct {
		ID        string `json:"id"`
		VersionID string `json:"versionID"`
	} `json:"distro"`
}

type artifact struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Type    string `json:"type"`
	PURL    string `json:"purl"`
	CPEs    []cpe  `json:"cpes"`
	// Metadata differs by type: for one, "source" is a text, for another an object.
	Metadata map[string]any `json:"metadata"`
}

// said is a text in the metadata, or empty.
func (a artifact) said(key string) string {
	text, _ := a.Metadata[key].(string)
	return text
}

// cpe is a text, or an object around it.
type cpe struct{ Text string }

func (c *cpe) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &c.Text) == nil {
		return nil
	}
	var object struct {
		CPE string `json:"cpe"`
	}
	err := json.Unmarshal(data, &object)
	c.Text = object.CPE
	return err
}

func (d syftDocument) packages() []string {
	var list []string
	for _, a := range d.Artifacts {
		list = append(list, identity(a.Type, a.Name, a.Version, a.PURL))
	}
	return list
}

func identity(kind, name, version, purl string) string {
	return strings.Join([]string{kind, name, version, purl}, " ")
}

// syft's document of an image, which is made once.
func (l *lab) syft(ctx context.Context, v lens) (syftDocument, error) {
	var document syftDocument
	file := filepath.Join(l.work, strings.NewReplacer(" ", "-", "/", "-").Replace(v.title())+".syft.json")
	if _, err := os.Stat(file); err != nil {
		args := append([]string{"scan", "registry:" + v.reference, "-q", "-o", "syft-json=" + file}, v.flags()...)
		if _, err := l.must(ctx, l.peers["syft"], args...); err != nil {
			return document, err
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return document, err
	}
	return document, json.Unmarshal(data, &document)
}

// comparePackages compares name, version, type and package URL: those of the SBOM
// in syft's own format, and those of the report.
func comparePackages(ctx context.Context, l *lab) error {
	for _, s := range l.subjects {
		for _, v := range s.lenses() {
			if !l.runs("packages", s.name) {
				continue
			}
			r := row{section: "packages", name: v.title(), what: "sbom", peer: "syft", notRun: s.notRun}
			l.table.try(r, func() error { return l.packages(ctx, v, r) })
		}
	}
	return nil
}

func (l *lab) packages(ctx context.Context, v lens, r row) error {
	theirs, err := l.syft(ctx, v)
	if err != nil {
		return err
	}
	out, err := l.must(ctx, l.gate, append([]string{"sbom", v.reference, "--format", "syft-json"}, v.flags()...)...)
	if err != nil {
		return err
	}
	var ours syftDocument
	if err := json.Unmarshal(out, &ours); err != nil {
		return err
	}
	l.table.add(r.sets(ours.packages(), theirs.packages(), v.least))
	report, err := l.check(ctx, v, "")
	if err != nil {
		return err
	}
	r.what = "report"
	l.table.add(r.sets(report.packages(), theirs.packages(), v.least))
	return nil
}

// sets fills a row with the comparison of two sets. Fewer than expected is a
// difference: two empty lists are no parity.
func (r row) sets(ours, theirs []string, least int) row {
	r.ours, r.theirs = fmt.Sprint(len(distinct(ours))), fmt.Sprint(len(distinct(theirs)))
	r.differences = differencesOf(ours, theirs)
	if len(distinct(theirs)) < least {
		r.differences = append(r.differences, fmt.Sprintf("the case is to have at least %d", least))
	}
	return r
}
