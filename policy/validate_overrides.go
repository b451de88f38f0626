package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// validateOverrides holds each override alone over the policy, so that what
// contradicts the policy is found at load. known are the complaints about the
// policy itself, which are not repeated.
func validateOverrides(p *Policy, known map[string]bool, report reporter) {
	const most = 100
	if len(p.Overrides) > most {
		report("overrides", "has more than %d overrides, and each image would be held against all of them", most)
		return
	}
	for i, o := range p.Overrides {
		at := fmt.Sprintf("overrides[%d]", i)
		validateMatch(o.Match, at+".match", report)
		if len(o.sets.Content) == 0 {
			report(at, "sets nothing: write what is different for what it matches, such as enforcement: warn")
			continue
		}
		validateNamedSigners(p, o, at, report)
		for j, b := range o.alone().Config.KnownBases {
			if b.Evidence != "" {
				report(fmt.Sprintf("%s.config.knownBases[%d].evidence", at, j), "is read for the whole policy only: write the layers here")
			}
		}
		validateRules(p.with(o), func(field, format string, args ...any) {
			if !known[field+fmt.Sprintf(format, args...)] {
				report(joinField(at, field), format, args...)
			}
		})
	}
}

// with is the policy with one override laid over it.
func (p *Policy) with(o Override) *Policy {
	c := p.clone()
	c.Overrides = nil
	o.lay(c, p.Signatures.Signers)
	return c
}

func validateMatch(m Match, field string, report reporter) {
	if len(m.Images)+len(m.Namespaces) == 0 {
		report(field, "matches nothing: write {images: [\"registry.example.com/team/**\"]} or {namespaces: [kube-system]}")
	}
	for i, image := range m.Images {
		if err := checkGlob(image); err != nil {
			report(fmt.Sprintf("%s.images[%d]", field, i), "%q is %s", shortened(image), err)
		}
	}
	for i, namespace := range m.Namespaces {
		if _, err := path.Match(namespace, ""); err != nil || namespace == "" || strings.ContainsAny(namespace, "/ ") {
			report(fmt.Sprintf("%s.namespaces[%d]", field, i), "%q is not a namespace or a pattern: write kube-system or team-*", shortened(namespace))
		}
	}
}

func validateNamedSigners(p *Policy, o Override, at string, report reporter) {
	names := signerNames(p.Signatures.Signers)
	for i, name := range o.signers() {
		if !slices.Contains(names, name) {
			report(fmt.Sprintf("%s.signatures.signers[%d]", at, i), "%s", unknownWord("signer", name, names))
		}
	}
}

// signers are the names of the signers that the override picks.
func (o Override) signers() []string {
	var names []string
	for _, signature := range children(o.sets, "signatures") {
		for _, list := range children(signature, "signers") {
			for _, item := range list.Content {
				names = append(names, item.Value)
			}
		}
	}
	return names
}
