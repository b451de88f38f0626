package estate

import (
	"cmp"
	"slices"

	"github.com/imagegate/imagegate/policy"
)

// Change is how an image stands to the baseline.
type Change string

// The changes. Worse is away from allow, Better towards it; undecided is between.
const (
	Same   Change = ""
	NewOne Change = "new"
	Worse  Change = "worse"
	Better Change = "better"
)

// Changes are what is different from an earlier scan, by name.
type Changes struct {
	New, Gone, Worse, Better, Same int
	// List names some: what got worse first, then better, new and gone.
	List []ChangedName
}

// ChangedName is one name whose verdict changed, or that came or went.
type ChangedName struct {
	Name   string
	Change string          // "worse", "better", "new" or "gone"
	Was    policy.Decision // empty where it is new
	Is     policy.Decision // empty where it is gone
	// SameImage says that the digest is what it was: what is known about it changed,
	// not the image.
	SameImage bool
	// Reason is the first of the new verdict.
	Reason string
}

// maxChanged is how many names are listed.
const maxChanged = 500

type changes struct {
	result   *Changes
	baseline map[placed]*image
	seen     map[placed]bool
}

// placed is a name in a namespace.
type placed struct{ name, namespace string }

func (p placed) text() string { return inNamespace(p.name, p.namespace) }

// inNamespace is a name for people.
func inNamespace(name, namespace string) string {
	if namespace == "" {
		return name
	}
	return name + " (namespace " + namespace + ")"
}

func newChanges(baseline *Estate) *changes {
	if baseline == nil {
		return &changes{}
	}
	c := &changes{result: &Changes{}, baseline: map[placed]*image{}, seen: map[placed]bool{}}
	for image := range baseline.each {
		for _, name := range image.names {
			// A tag that moved while it was scanned has two images: the later one counts.
			key := placed{name, image.namespace}
			if known := c.baseline[key]; known == nil || known.judgedAt.Before(image.judgedAt) {
				c.baseline[key] = image
			}
		}
	}
	return c
}

// badness of a verdict.
func badness(d policy.Decision) int {
	switch d {
	case policy.Allow:
		return 0
	case policy.Deny:
		return 2
	}
	return 1
}

// of is how an image stands: the most alarming of how its names do.
func (c *changes) of(i *image) Change {
	if c.result == nil {
		return Same
	}
	rank := []Change{Worse, NewOne, Better, Same}
	worst := Same
	for _, name := range i.names {
		key := placed{name, i.namespace}
		was := c.baseline[key]
		changed := ChangedName{Name: key.text(), Is: i.verdict}
		change := NewOne
		if was != nil {
			changed.Was, changed.SameImage = was.verdict, was.digest == i.digest
			change = compare(was.verdict, i.verdict)
		}
		if !c.seen[key] {
			c.seen[key] = true
			c.count(change)
			if changed.Change = string(change); change != Same && len(i.findings) > 0 && i.verdict != policy.Allow {
				changed.Reason = i.findings[0].Message
			}
			c.list(changed)
		}
		if slices.Index(rank, change) < slices.Index(rank, worst) {
			worst = change
		}
	}
	return worst
}

func compare(was, is policy.Decision) Change {
	switch d := badness(is) - badness(was); {
	case d > 0:
		return Worse
	case d < 0:
		return Better
	}
	return Same
}

func (c *changes) count(change Change) {
	switch change {
	case NewOne:
		c.result.New++
	case Worse:
		c.result.Worse++
	case Better:
		c.result.Better++
	default:
		c.result.Same++
	}
}

func (c *changes) list(changed ChangedName) {
	if changed.Change != "" {
		c.result.List = append(c.result.List, changed)
	}
}

// done adds what is gone.
func (c *changes) done() *Changes {
	if c.result == nil {
		return nil
	}
	for key, was := range c.baseline {
		if !c.seen[key] {
			c.result.Gone++
			c.list(ChangedName{Name: key.text(), Change: "gone", Was: was.verdict})
		}
	}
	order := []string{string(Worse), string(Better), string(NewOne), "gone"}
	slices.SortFunc(c.result.List, func(a, b ChangedName) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Change), slices.Index(order, b.Change)), cmp.Compare(a.Name, b.Name))
	})
	c.result.List = c.result.List[:min(len(c.result.List), maxChanged)]
	return c.result
}
