package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ruleName is what a rule may be called: it becomes part of an id.
var ruleName = regexp.MustCompile(`^[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$`)

func validateCustomRules(rules []CustomRule, report reporter) {
	const most = 200
	if len(rules) > most {
		report("rules", "has more than %d rules", most)
		return
	}
	var names []string
	for i, r := range rules {
		field := fmt.Sprintf("rules[%d]", i)
		validateRuleName(r.Name, names, field, report)
		names = append(names, r.Name)
		if strings.TrimSpace(r.Expression) == "" {
			report(field+".expression", "is missing: write a condition in CEL, such as image.labels['team'] != ''")
		}
		reportTwice(r.Stages, field, report)
	}
}

func validateRuleName(name string, before []string, field string, report reporter) {
	switch {
	case name == "":
		report(field+".name", "is missing: findings and exceptions name the rule by it")
	case !ruleName.MatchString(name):
		report(field+".name", "%q is not a name: write letters, digits and dashes, such as from-our-base", shortened(name))
	case slices.Contains(before, name):
		report(field+".name", "%q is named twice", shortened(name))
	}
}
