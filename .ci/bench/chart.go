package main

import (
	"fmt"
	"math"
	"strings"
)

// The size of one panel, in pixels, and the space around it.
const (
	panelWidth, panelHeight = 260, 180
	margin                  = 48
)

// drawing is an SVG of one panel for each series: CPU, wall and memory over the
// quantity, both axes logarithmic, so that a straight line of 45 degrees is linear
// growth.
func drawing(all []series) string {
	var out strings.Builder
	width := len(all)*(panelWidth+margin) + margin
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">`+"\n", width, panelHeight+2*margin)
	out.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	for i, s := range all {
		if len(s.points) > 0 {
			drawSeries(&out, s, margin+i*(panelWidth+margin))
		}
	}
	out.WriteString("</svg>\n")
	return out.String()
}

// lines are what is drawn, each over a range of its own of four decades.
var lines = []struct {
	name, colour string
	of           func(cost) float64
	from         float64 // the lowest value of the axis
}{
	{"CPU s", "#1f77b4", cpu, 0.1},
	{"wall s", "#2ca02c", wall, 0.1},
	{"peak MiB", "#d62728", peak, 10},
}

const decades = 3.0

func drawSeries(out *strings.Builder, s series, left int) {
	first, last := float64(s.points[0].at), float64(s.points[len(s.points)-1].at)
	span := max(math.Log10(last/first), 1e-9)
	fmt.Fprintf(out, `<text x="%d" y="24">%s</text><rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#999"/>`+"\n", left, s.name, left, margin, panelWidth, panelHeight)
	for i, l := range lines {
		var path []string
		for _, p := range s.points {
			x := float64(left) + math.Log10(float64(p.at)/first)/span*panelWidth
			y := margin + panelHeight - min(max(math.Log10(median(p.costs, l.of)/l.from), 0), decades)/decades*panelHeight
			path = append(path, fmt.Sprintf("%.1f,%.1f", x, y))
		}
		fmt.Fprintf(out, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/><text x="%d" y="40" fill="%s">%s</text>`+"\n",
			strings.Join(path, " "), l.colour, left+i*70, l.colour, l.name)
	}
	fmt.Fprintf(out, `<text x="%d" y="%d">%.0f</text><text x="%d" y="%d" text-anchor="end">%.0f %s</text>`+"\n",
		left, margin+panelHeight+16, first, left+panelWidth, margin+panelHeight+16, last, s.unit)
}
