package policy

import (
	"fmt"
	"slices"
	"strings"
)

func validateException(known []rule, e Exception, field string, report reporter) {
	const who = "an exception is taken on somebody's responsibility"
	if strings.TrimSpace(e.Owner) == "" {
		report(field+".owner", "is missing: %s", who)
	}
	if strings.TrimSpace(e.Reason) == "" {
		report(field+".reason", "is missing: %s, and whoever reads it must be able to follow", who)
	}
	if e.Expires.IsZero() {
		report(field+".expires", "is missing: write a date such as 2027-01-31, the first day on which it no longer holds")
	}
	for i, image := range e.Images {
		if err := checkGlob(image); err != nil {
			report(fmt.Sprintf("%s.images[%d]", field, i), "%q is %s", shortened(image), err)
		}
	}
	validateTarget(known, e, field, report)
}

// validateTarget insists that an exception names exactly what it accepts.
func validateTarget(known []rule, e Exception, field string, report reporter) {
	if e.Rule == "" && e.Vulnerability == "" {
		report(field, "names neither a vulnerability nor a rule")
		return
	}
	if e.Rule != "" && !validateExceptedRule(known, e, field, report) {
		return
	}
	ofVulnerability := e.Vulnerability != ""
	switch {
	case ofVulnerability && e.Rule != "" && e.Rule != RuleVulnerabilities:
		report(field+".rule", "%s does not go with a vulnerability: leave it out", e.Rule)
	case !ofVulnerability && e.Rule == RuleVulnerabilities:
		report(field+".vulnerability", "is missing: an exception of all vulnerabilities would be no rule at all")
	case !ofVulnerability && e.Package != "":
		report(field+".package", "goes with a vulnerability only")
	case e.Path != "" && !strings.HasPrefix(e.Rule, "content."):
		report(field+".path", "goes with a content rule only, such as %s", RuleShells)
	case needsImages(e.Rule) && len(e.Images) == 0:
		report(field+".images", "is missing: an exception of %s for every image would be no rule at all", e.Rule)
	}
}

func validateExceptedRule(list []rule, e Exception, field string, report reporter) bool {
	known := make([]string, 0, len(list))
	for _, r := range list {
		if r.ID == e.Rule && !r.exceptable {
			report(field+".rule", "%s has no exceptions: not knowing cannot be accepted", e.Rule)
			return false
		}
		if r.exceptable {
			known = append(known, r.ID)
		}
		if r.ID == e.Rule {
			return true
		}
	}
	report(field+".rule", "%s", unknownWord("rule", e.Rule, known))
	return false
}

// everyRule are the rules of the policy and those that its overrides define.
func (p *Policy) everyRule() []rule {
	list := p.rules()
	for _, o := range p.Overrides {
		list = append(list, o.alone().definedRules()...)
	}
	return list
}

// EveryRule lists the rules of the policy and those that its overrides define, each
// once.
func (p *Policy) EveryRule() []RuleInfo {
	var infos []RuleInfo
	for _, r := range p.everyRule() {
		if !slices.ContainsFunc(infos, func(known RuleInfo) bool { return known.ID == r.ID }) {
			infos = append(infos, r.RuleInfo)
		}
	}
	return infos
}

// needsImages is true of the rules that say where an image comes from.
func needsImages(rule string) bool {
	return rule == RuleSignature || strings.HasPrefix(rule, "reference.")
}
