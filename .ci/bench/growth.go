package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// series is how one quantity grows while the others stay.
type series struct {
	name, unit string
	points     []point
}

// point is the cost at one place of a series.
type point struct {
	at    int
	costs []cost
}

// measureGrowth makes images that differ in one quantity and judges each of them.
func (b *bench) measureGrowth(ctx context.Context) error {
	if err := b.installDatabases(ctx); err != nil {
		return err
	}
	all := []series{
		{name: "size of the image", unit: "MB"}, {name: "files", unit: "files"},
		{name: "packages", unit: "packages"}, {name: "images in one call", unit: "images"},
	}
	steps := [][]int{
		{10, 30, 100, 300, 1000, 2000},
		{1000, 10_000, 100_000, 300_000, 1_000_000},
		{10, 100, 1000, 3000},
		{1, 2, 4, 8},
	}
	limits := []int{int(b.sizes), b.files, math.MaxInt, math.MaxInt}
	for i := range all {
		for _, at := range steps[i] {
			if at > limits[i] {
				continue
			}
			if err := b.measurePoint(ctx, &all[i], i, at); err != nil {
				return fmt.Errorf("%d %s: %w", at, all[i].unit, err)
			}
		}
	}
	return b.writeGrowth(all)
}

// measurePoint measures one point of the series number i.
func (b *bench) measurePoint(ctx context.Context, s *series, i, at int) error {
	references, err := b.imagesAt(ctx, i, at)
	if err != nil {
		return err
	}
	cache := filepath.Join(b.work, "cache-growth")
	c := b.check(references[0], b.database, cache)
	c.args = append(c.args, references[1:]...)
	p := point{at: at}
	for range b.rounds {
		used, err := b.once(ctx, contestant{fresh: cache, commands: []command{c}})
		if err != nil {
			return err
		}
		p.costs = append(p.costs, used)
	}
	fmt.Fprintf(os.Stderr, "%d %s: %.2f CPU s, %.2f s, %.0f MiB\n", at, s.unit, median(p.costs, cpu), median(p.costs, wall), median(p.costs, peak))
	s.points = append(s.points, p)
	return nil
}

// imagesAt makes the images of one point: one, or in the last series so many.
func (b *bench) imagesAt(ctx context.Context, i, at int) ([]string, error) {
	quantities := [3]int{0, 1000, 100} // MB, files, packages
	images := 1
	if i < len(quantities) {
		quantities[i] = at
	} else {
		quantities[0], images = 30, at
	}
	var references []string
	for n := range images {
		image, err := synthetic(quantities[0], quantities[1]+n, quantities[2])
		if err != nil {
			return nil, err
		}
		reference, err := b.publish(ctx, "growth", image)
		if err != nil {
			return nil, err
		}
		references = append(references, reference)
	}
	return references, nil
}

// writeGrowth writes the table and, beside it, the chart.
func (b *bench) writeGrowth(all []series) error {
	var out strings.Builder
	fmt.Fprintf(&out, "# How the cost of a check grows\n\nMade by `make bench-scale`: nothing is remembered; medians of %d runs. The exponent is that of the growth since the point before: 1 is linear.\n", b.rounds)
	for _, s := range all {
		fmt.Fprintf(&out, "\n## %s\n\n| %s | CPU s | exponent | wall s | peak MiB |\n|---|---|---|---|---|\n", s.name, s.unit)
		for i, p := range s.points {
			exponent := ""
			if i > 0 {
				before := s.points[i-1]
				exponent = fmt.Sprintf("%.2f", math.Log(median(p.costs, cpu)/median(before.costs, cpu))/math.Log(float64(p.at)/float64(before.at)))
			}
			fmt.Fprintf(&out, "| %d | %.2f | %s | %.2f | %.0f |\n", p.at, median(p.costs, cpu), exponent, median(p.costs, wall), median(p.costs, peak))
		}
	}
	if b.out != "" {
		chart := strings.TrimSuffix(b.out, filepath.Ext(b.out)) + ".svg"
		if err := os.WriteFile(chart, []byte(drawing(all)), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&out, "\n![the same as a chart](%s)\n", filepath.Base(chart))
	}
	return b.write(out.String())
}
