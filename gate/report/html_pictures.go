package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/imagegate/imagegate/policy"
)

// maxBars is how many layers or directories a picture names.
const maxBars = 10

type (
	// pictureView shows sizes: a strip of all parts in their order, where they
	// have one, and a bar for each of the largest. A table carries the numbers,
	// for those who see neither.
	pictureView struct {
		ID, Title, Column, Note string
		Strip                   []stripView
		Bars                    []barView
	}
	stripView struct {
		X, Width     string // in thousandths
		Class, Title string
	}
	barView struct{ Name, Full, Width, Size, Class string } // Width in hundredths of the largest
)

func pictures(id string, s policy.Size) []pictureView {
	var list []pictureView
	if len(s.LayerSizes) > 0 {
		list = append(list, layerPicture(id+"-layers", s.LayerSizes))
	}
	if len(s.Largest) > 0 {
		list = append(list, directoryPicture(id+"-directories", s))
	}
	return list
}

// layerPicture has the base at the left.
func layerPicture(id string, layers []policy.LayerSize) pictureView {
	var total int64
	for _, l := range layers {
		total += max(0, l.Bytes)
	}
	p := pictureView{ID: id, Title: "Layers, " + size(total) + " compressed", Column: "Layer"}
	var before int64
	for i, l := range layers {
		class := "even"
		if i%2 == 1 {
			class = "odd"
		}
		bytes := max(0, l.Bytes)
		p.Strip = append(p.Strip, stripView{
			X: share(before, total, 1000), Width: share(bytes, total, 1000), Class: class,
			Title: fmt.Sprintf("layer %d: %s", i+1, size(bytes)),
		})
		p.Bars = append(p.Bars, barView{
			Name: fmt.Sprintf("%d %s", i+1, short(line(l.Digest))), Full: line(l.Digest), Size: size(bytes), Class: class,
		})
		before += bytes
	}
	sizes := make([]int64, len(layers))
	for i, l := range layers {
		sizes[i] = max(0, l.Bytes)
	}
	p.keepLargest(sizes, "layers")
	return p
}

func directoryPicture(id string, s policy.Size) pictureView {
	p := pictureView{ID: id, Title: "Largest directories", Column: "Directory"}
	sizes := make([]int64, len(s.Largest))
	for i, d := range s.Largest {
		sizes[i] = max(0, d.Bytes)
		p.Bars = append(p.Bars, barView{Name: line(d.Path), Full: line(d.Path), Size: size(d.Bytes), Class: "even"})
	}
	p.keepLargest(sizes, "directories")
	return p
}

// keepLargest leaves the largest bars, in their order, and makes them as wide as
// their size is.
func (p *pictureView) keepLargest(sizes []int64, noun string) {
	largest := slices.Max(sizes)
	for i := range p.Bars {
		p.Bars[i].Width = share(sizes[i], largest, 100)
	}
	if len(sizes) <= maxBars {
		return
	}
	places := make([]int, len(sizes))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })
	places = places[:maxBars]
	slices.Sort(places)
	kept := make([]barView, maxBars)
	for i, place := range places {
		kept[i] = p.Bars[place]
	}
	p.Bars = kept
	p.Note = fmt.Sprintf("The %d largest of %d %s.", maxBars, len(sizes), noun)
}

// share is part of total in units of a whole, with two digits after the point.
func share(part, total int64, whole float64) string {
	if total <= 0 {
		return "0"
	}
	return fmt.Sprintf("%.2f", float64(part)/float64(total)*whole)
}
