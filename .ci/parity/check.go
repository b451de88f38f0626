package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// report has of imagegate's report what is compared.
type report struct {
	Results []struct {
		Digest    string `json:"digest"`
		Verdict   string `json:"verdict"`
		Platforms []struct {
			Platform string `json:"platform"`
			Digest   string `json:"digest"`
			Packages []struct {
				Name, Version, Type, PURL string
			} `json:"packages"`
			Vulnerabilities []struct {
				ID, Package, Version, Type, Severity, FixState string
			} `json:"vulnerabilities"`
			Steps map[string]struct{ State, Error string } `json:"steps"`
		} `json:"platforms"`
		Findings []struct{ Rule, Outcome, Message string } `json:"findings"`
	} `json:"results"`
}

// The policies under which images are checked: they make imagegate look, and say
// nothing that could end a check early.
var policies = map[string]string{
	"match":   "sbom: {complete: required}\nvulnerabilities: {deny: {cvss: 0.1}, database: {maxAge: off}}\n",
	"resolve": "reference: {denyTags: [never]}\n",
	"signed":  "signatures: {required: true}\n",
}

// judge runs a check under one of the policies and decodes its report. What the
// verdict is has no part in whether that succeeds.
func (l *lab) judge(ctx context.Context, policy, reference string, flags ...string) (report, error) {
	var r report
	file := filepath.Join(l.work, policy+".yaml")
	text := "apiVersion: imagegate.dev/v1\nkind: Policy\nmetadata: {name: " + policy + "}\nextends: nothing\n" + policies[policy]
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return r, err
	}
	args := append([]string{"check", reference, "--policy", file, "--offline", "-o", "json"}, flags...)
	a, err := l.ask(ctx, l.gate, args...)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(a.out, &r); err != nil {
		return r, fmt.Errorf("imagegate %s: exit code %d: %s", strings.Join(args, " "), a.code, a.err)
	}
	if len(r.Results) != 1 {
		return r, errors.New("imagegate judged nothing")
	}
	return r, nil
}

// check is the report about one platform image, with a database if one is named.
func (l *lab) check(ctx context.Context, v lens, database string) (report, error) {
	if database == "" {
		database = filepath.Join(l.work, "no-database")
	}
	return l.judge(ctx, "match", v.reference, append(v.flags(), "--insecure-skip-signatures", "--db", database)...)
}

func (r report) packages() []string {
	var list []string
	for _, p := range r.Results[0].Platforms {
		for _, pkg := range p.Packages {
			list = append(list, identity(pkg.Type, pkg.Name, pkg.Version, pkg.PURL))
		}
	}
	return list
}

// failure is what kept a step from being done.
func (r report) failure(step string) string {
	for _, p := range r.Results[0].Platforms {
		if s := p.Steps[step]; s.Error != "" {
			return s.Error
		}
	}
	return ""
}
