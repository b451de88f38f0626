package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/imagegate/imagegate/gate/scan/estate"
	"github.com/imagegate/imagegate/policy"
)

// compare asks check about each image by itself, with nothing remembered, and counts
// the answers that differ.
func (d *demonstration) compare(ctx context.Context) error {
	names := slices.Sorted(maps.Keys(d.first.records))
	names = names[:min(d.checks, len(names))]
	var mu sync.Mutex
	var total usage
	different := 0
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for _, name := range names {
		group.Go(func() error {
			same, u, err := d.checkOne(ctx, name, d.first.records[name])
			mu.Lock()
			defer mu.Unlock()
			total.add(u)
			if err == nil && !same {
				different++
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Printf("check, one by one    %s for %d images; %d verdicts or reasons differ\n", total, len(names), different)
	d.promise(different == 0, "%d answers of check are not those of the scan", different)
	return nil
}

// checkOne says whether check answers as the scan did.
func (d *demonstration) checkOne(ctx context.Context, name string, r estate.Record) (same bool, u usage, err error) {
	if r.Digest != "" {
		name = name[:strings.LastIndexByte(name, ':')] + "@" + r.Digest
	}
	args := append([]string{"check", name, "--stage", "scan", "--no-cache", "-o", "json"}, d.flags("one")...)
	out, u, err := d.run(ctx, "cache", args...)
	if err != nil {
		return false, u, err
	}
	var report struct {
		Results []struct {
			Verdict  policy.Decision  `json:"verdict"`
			Findings []policy.Finding `json:"findings"`
		} `json:"results"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return false, u, err
	}
	if len(report.Results) != 1 {
		return false, u, fmt.Errorf("check has %d results for %s", len(report.Results), name)
	}
	said := report.Results[0]
	if said.Verdict == r.Verdict && slices.Equal(reasons(said.Findings), shortReasons(r.Findings)) {
		return true, u, nil
	}
	fmt.Printf("differs: %s is %s by %v in the scan, %s by %v in check\n", name, r.Verdict, shortReasons(r.Findings), said.Verdict, reasons(said.Findings))
	return false, u, nil
}

// reasons are the rules that failed or could not be decided.
func reasons(findings []policy.Finding) (list []string) {
	for _, f := range findings {
		if f.Outcome == policy.Fail || f.Outcome == policy.Undecided {
			list = append(list, f.Rule+" "+string(f.Outcome))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func shortReasons(findings []estate.Finding) []string {
	whole := make([]policy.Finding, len(findings))
	for i, f := range findings {
		whole[i] = policy.Finding{Rule: f.Rule, Outcome: f.Outcome}
	}
	return reasons(whole)
}
