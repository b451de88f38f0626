package policy

import (
	"fmt"
	"slices"
	"strings"
)

// KnownBase is a base image that is known by its layers: an image is built on it if
// the diff ids of its first layers are these. Unlike a label nobody can claim that,
// but each new version of the base has other layers.
type KnownBase struct {
	// Name for reports: "registry.example.com/base/static:12".
	Name string `yaml:"name"`
	// Layers are the diff ids of one platform of it, from the first.
	Layers []string `yaml:"layers,omitempty"`
	// Evidence is a file of `check --evidence-output` about it. Resolve turns it into
	// Layers, one KnownBase for each platform.
	Evidence string `yaml:"evidence,omitempty"`
}

func validateKnownBases(bases []KnownBase, report reporter) {
	const most, mostLayers = 1000, 1000
	if len(bases) > most {
		report("config.knownBases", "names more than %d base images", most)
		return
	}
	for i, b := range bases {
		field := fmt.Sprintf("config.knownBases[%d]", i)
		if strings.TrimSpace(b.Name) == "" {
			report(field+".name", "is missing: reports say by it what an image is built on")
		}
		switch {
		case (b.Evidence == "") == (len(b.Layers) == 0):
			report(field, "needs either evidence or layers: write {name: …, evidence: base.json}, as imagegate check BASE --evidence-output base.json writes it")
		case len(b.Layers) > mostLayers:
			report(field+".layers", "has more than %d layers", mostLayers)
		}
		for j, id := range b.Layers {
			if !isDigest(id) {
				report(fmt.Sprintf("%s.layers[%d]", field, j), "%q is not a diff id: write sha256: and 64 hexadecimal digits", shortened(id))
			}
		}
	}
}

// resolveBases reads the evidence about base images.
func (p *Policy) resolveBases(read Read) error {
	var bases []KnownBase
	for _, b := range p.Config.KnownBases {
		if b.Evidence == "" {
			bases = append(bases, b)
			continue
		}
		data, err := read(b.Evidence)
		if err != nil {
			return fmt.Errorf("reading the base image %q: %w", b.Name, err)
		}
		e, err := DecodeEvidence(data)
		if err != nil {
			return fmt.Errorf("reading the base image %q: %s: %w", b.Name, b.Evidence, err)
		}
		known := len(bases)
		for _, platform := range e.Platforms {
			if len(platform.Config.DiffIDs) > 0 {
				bases = append(bases, KnownBase{Name: b.Name, Layers: platform.Config.DiffIDs})
			}
		}
		if len(bases) == known {
			return fmt.Errorf("reading the base image %q: %s lists no layers: collect it again with check --evidence-output", b.Name, b.Evidence)
		}
	}
	p.Config.KnownBases = bases
	return nil
}

// onKnownBase is a pass where the first layers are those of a known base, undecided
// where that cannot be known, and nil where they are not.
func (q *question) onKnownBase(p *Platform) *Finding {
	bases := q.policy.Config.KnownBases
	if len(bases) == 0 {
		return nil
	}
	if f := missing([]Step{StepFiles}, p.Steps); f != nil {
		return &f[0] // what the config says of the layers was not verified
	}
	layers := p.Config.DiffIDs
	if len(layers) == 0 && p.Size.Layers > 0 {
		return &Finding{Outcome: Undecided, Message: "could not be judged: the evidence does not list the layers", Remedy: "collect it again with imagegate check --evidence-output"}
	}
	for _, b := range bases {
		if n := len(b.Layers); n > 0 && n <= len(layers) && slices.Equal(b.Layers, layers[:n]) {
			return &Finding{Outcome: Pass, Message: fmt.Sprintf("built on %s: its first %s are its layers", printable(b.Name), plural(n, "layer"))}
		}
	}
	return nil
}
