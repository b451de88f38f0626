package estate

import (
	"cmp"
	"maps"
	"slices"
)

// Fix is one thing to do once that mends many images: a package to upgrade, or a
// layer that they share to rebuild on upgraded packages.
type Fix struct {
	// Package of a Type to bring to the version To; empty where Layer is set.
	Package, Type, To string
	// From are installed versions, at most a few.
	From []string
	// Layer is the diff id of a layer to rebuild, Base the name of the image with
	// the fewest layers that has it (often the base image itself), and Packages
	// some of those to upgrade in it.
	Layer    string
	Base     string
	Packages []string
	// Images that need it. Mended are those among all denied images that nothing
	// denies any more once this and the fixes before it are done.
	Images, Mended int
	// Removes counts vulnerabilities over all images.
	Removes int
	KEV     bool // one of them is known to be exploited
	// Examples of images that need it.
	Examples []string
}

// few is how many examples are named.
const few = 3

// need by number, so that a round over millions of them is an addition each.
type numbered struct{ upgrade, layer int32 }

// plan chooses fixes: each time the one that brings the denied images nearest to
// being allowed. An image counts as one, shared evenly by all that it still needs
// (greedy cover with weights); so an upgrade that alone mends an image counts
// fully, one of ten a tenth.
type plan struct {
	images    []*image
	needs     [][]numbered // of each image; what is done is negative
	left      []int        // of each image, what else keeps it from being allowed included
	upgrades  []upgrade
	layers    []string
	byUpgrade map[upgrade]int32
	byLayer   map[string]int32
}

// fixes are the first n, best first, for images in a given order.
func fixes(images []*image, n int) []Fix {
	p := &plan{byUpgrade: map[upgrade]int32{}, byLayer: map[string]int32{}}
	for _, image := range images {
		if len(image.needs) > 0 {
			p.add(image)
		}
	}
	var list []Fix
	for len(list) < n {
		fix, ok := p.next()
		if !ok {
			break
		}
		list = append(list, fix)
	}
	return list
}

func (p *plan) add(i *image) {
	numbers := make([]numbered, len(i.needs))
	for j, n := range i.needs {
		numbers[j] = numbered{number(p.byUpgrade, &p.upgrades, n.upgrade), -1}
		if n.layer != "" {
			numbers[j].layer = number(p.byLayer, &p.layers, n.layer)
		}
	}
	left := len(numbers)
	if i.blocked {
		left++
	}
	p.images, p.needs, p.left = append(p.images, i), append(p.needs, numbers), append(p.left, left)
}

func number[K comparable](known map[K]int32, all *[]K, k K) int32 {
	n, ok := known[k]
	if !ok {
		n = int32(len(*all))
		known[k] = n
		*all = append(*all, k)
	}
	return n
}

// next chooses the best fix of what is left and does it. A layer is chosen only
// where it is better than each single package in it.
func (p *plan) next() (Fix, bool) {
	byUpgrade, byLayer := make([]float64, len(p.upgrades)), make([]float64, len(p.layers))
	for i, needs := range p.needs {
		share := 1 / float64(max(1, p.left[i]))
		for _, n := range needs {
			if n.upgrade < 0 {
				continue
			}
			byUpgrade[n.upgrade] += share
			if n.layer >= 0 {
				byLayer[n.layer] += share
			}
		}
	}
	best, gain := largest(byUpgrade, func(a, b int) int { return compareUpgrades(p.upgrades[a], p.upgrades[b]) })
	layer, layerGain := largest(byLayer, func(a, b int) int { return cmp.Compare(p.layers[a], p.layers[b]) })
	// Sums of the same shares in another order differ in their last digits.
	const tiny = 1e-6
	switch {
	case layerGain > gain+tiny:
		return p.do(Fix{Layer: p.layers[layer]}, func(n numbered) bool { return n.layer == int32(layer) }), true
	case gain > 0:
		u := p.upgrades[best]
		return p.do(Fix{Package: u.name, Type: u.kind, To: u.to}, func(n numbered) bool { return n.upgrade == int32(best) }), true
	}
	return Fix{}, false
}

func compareUpgrades(a, b upgrade) int {
	return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.kind, b.kind), cmp.Compare(a.to, b.to))
}

// largest is the place of the largest number, the first by name of equals.
func largest(list []float64, byName func(a, b int) int) (int, float64) {
	at, most := -1, 0.0
	for i, x := range list {
		if x > most || x == most && at >= 0 && byName(i, at) < 0 {
			at, most = i, x
		}
	}
	return at, most
}

// do marks what a fix covers as done and says what that was.
func (p *plan) do(fix Fix, covers func(numbered) bool) Fix {
	from, packages := map[string]int{}, map[string]int{}
	var base *image
	for i, needs := range p.needs {
		touched := false
		for j, n := range needs {
			if n.upgrade < 0 || !covers(n) {
				continue
			}
			touched = true
			need := p.images[i].needs[j]
			from[need.from]++
			packages[need.name]++
			fix.Removes += need.fixes
			fix.KEV = fix.KEV || need.kev
			needs[j].upgrade = -1
			p.left[i]--
		}
		if !touched {
			continue
		}
		fix.Images++
		if p.left[i] == 0 {
			fix.Mended++
		}
		if len(fix.Examples) < few {
			fix.Examples = append(fix.Examples, p.images[i].names[0])
		}
		if base == nil || p.images[i].layers < base.layers {
			base = p.images[i]
		}
	}
	if fix.Layer != "" {
		fix.Base, fix.Packages = base.names[0], most(packages, 5)
	} else {
		fix.From = most(from, few)
	}
	return fix
}

// most are the n keys with the largest counts.
func most(counts map[string]int, n int) []string {
	keys := slices.Collect(maps.Keys(counts))
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	return keys[:min(n, len(keys))]
}
