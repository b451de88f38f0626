package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// comparison is the table of all rows, in Markdown, with the raw rows below.
func (b *bench) comparison(rows []row) string {
	var out strings.Builder
	fmt.Fprintf(&out, "# What a check costs\n\nMade by `make bench` on %s: %d cores, %s, registry on loopback. Medians of %d rounds, in which all commands ran in turn. CPU is user and system time of whole processes; peak is the largest process. Ratios are to the chain by hand.\n",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.GOOS+"/"+runtime.GOARCH, b.rounds)
	for _, image := range imagesOf(rows) {
		b.tableOf(&out, image, rows)
	}
	out.WriteString("\n## All rows\n\n```\nimage, command, round: CPU s, wall s, peak MiB, requests, bytes from the registry\n")
	for _, r := range rows {
		for i, c := range r.costs {
			fmt.Fprintf(&out, "%s, %s, %d: %.2f, %.2f, %.0f, %d, %d\n", r.image, r.contestant, i+1, c.cpu, c.wall, c.peak, c.requests, c.bytes)
		}
	}
	out.WriteString("```\n")
	return out.String()
}

func imagesOf(rows []row) []string {
	var images []string
	for _, r := range rows {
		if len(images) == 0 || images[len(images)-1] != r.image {
			images = append(images, r.image)
		}
	}
	return images
}

// tableOf is the table of one image.
func (b *bench) tableOf(out *strings.Builder, image string, rows []row) {
	var chain *row
	for i := range rows {
		if rows[i].image == image && rows[i].contestant == handChain {
			chain = &rows[i]
		}
	}
	for i, r := range rows {
		if r.image != image {
			continue
		}
		if i == 0 || rows[i-1].image != image {
			fmt.Fprintf(out, "\n## %s: %s\n\n| what | CPU s | ratio | wall s | ratio | peak MiB | requests | KB pulled |\n|---|---|---|---|---|---|---|---|\n", image, r.facts)
		}
		fmt.Fprintf(out, "| %s | %.2f | %s | %.2f | %s | %.0f | %.0f | %.0f |\n", r.contestant,
			median(r.costs, cpu), ratio(r, chain, cpu), median(r.costs, wall), ratio(r, chain, wall),
			median(r.costs, peak), median(r.costs, requests), median(r.costs, sent)/1e3)
	}
}

func ratio(r row, to *row, of func(cost) float64) string {
	if to == nil {
		return ""
	}
	return fmt.Sprintf("%.2f", median(r.costs, of)/median(to.costs, of))
}

// write prints what was measured, and keeps it where that was asked for.
func (b *bench) write(text string) error {
	fmt.Print(text)
	if b.out == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(b.out), 0o755); err != nil {
		return err
	}
	return os.WriteFile(b.out, []byte(text), 0o644)
}
