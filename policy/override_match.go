package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// For is the policy for one subject: the overrides that match are laid over it,
// the least specific first, so that of two that set the same field the most
// specific wins. The result has no overrides left. namespace is empty where the
// question is asked about none.
//
// An override is the more specific, in this order: if it names images and
// namespaces, before images alone, before namespaces alone; if the pattern that
// matches the image has no wildcard, then if more of its characters are outside
// wildcards; the same of the namespace. Of two that are equal in all that, the
// later one in the document is laid over the earlier.
func (p *Policy) For(r Reference, namespace string) *Policy {
	if p == nil || len(p.Overrides) == 0 && namespace == p.namespace {
		return p
	}
	effective := p.clone()
	effective.Overrides, effective.namespace = nil, namespace
	for _, i := range p.matching(r, namespace) {
		p.Overrides[i].lay(effective, p.Signatures.Signers)
		effective.applied = append(effective.applied, p.Overrides[i])
	}
	return effective
}

// Applied are the overrides that For laid over the policy, the most specific
// last.
func (p *Policy) Applied() []Override { return slices.Clone(p.applied) }

// matching are the overrides for a subject by their place, the most specific last.
func (p *Policy) matching(r Reference, namespace string) []int {
	type candidate struct {
		place int
		by    specificity
	}
	var list []candidate
	for i, o := range p.Overrides {
		if by, ok := o.Match.holds(r, namespace); ok {
			list = append(list, candidate{i, by})
		}
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return slices.Compare(a.by[:], b.by[:]) })
	places := make([]int, len(list))
	for i, c := range list {
		places[i] = c.place
	}
	return places
}

// specificity orders matches: the criteria used, then of the image's pattern and
// of the namespace's whether it is exact and how much of it is literal.
type specificity [5]int

func (m Match) holds(r Reference, namespace string) (specificity, bool) {
	var by specificity
	if len(m.Images) > 0 {
		exact, literal, ok := closest(m.Images, func(pattern string) bool {
			return r.Registry != "" && matchRepository(pattern, r.Registry+"/"+r.Repository)
		})
		if !ok {
			return by, false
		}
		by[0], by[1], by[2] = 2, exact, literal
	}
	if len(m.Namespaces) > 0 {
		exact, literal, ok := closest(m.Namespaces, func(pattern string) bool {
			return namespace != "" && matchWord(pattern, namespace)
		})
		if !ok {
			return by, false
		}
		by[0], by[3], by[4] = by[0]+1, exact, literal
	}
	return by, by[0] > 0
}

// closest is the specificity of the most specific pattern that matches.
func closest(patterns []string, matches func(string) bool) (exact, literal int, ok bool) {
	for _, pattern := range patterns {
		if !matches(pattern) {
			continue
		}
		e, l := literalness(pattern)
		if !ok || cmp.Or(cmp.Compare(e, exact), cmp.Compare(l, literal)) > 0 {
			exact, literal = e, l
		}
		ok = true
	}
	return exact, literal, ok
}

// literalness is 1 for a pattern without wildcards, and the number of characters
// outside of wildcards.
func literalness(pattern string) (exact, literal int) {
	exact = 1
	inClass := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case inClass:
			inClass = c != ']'
		case c == '*' || c == '?':
			exact = 0
		case c == '[':
			exact, inClass = 0, true
		case c == '\\':
			// The escaped character counts, its escape does not.
		default:
			literal++
		}
	}
	return exact, literal
}

// Scope names what a namespace changes about the policy: questions about one image
// in two namespaces of the same scope get the same verdict.
func (p *Policy) Scope(namespace string) string {
	var scope strings.Builder
	for i, o := range p.Overrides {
		exact, literal, ok := closest(o.Match.Namespaces, func(pattern string) bool {
			return namespace != "" && matchWord(pattern, namespace)
		})
		if ok {
			// How closely it matches decides about its place among the others.
			fmt.Fprintf(&scope, "%d:%d:%d ", i, exact, literal)
		}
	}
	return scope.String()
}
