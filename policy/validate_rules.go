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

func validateAttestations(p *Policy, report reporter) {
	const most = 100
	if len(p.Attestations) > most {
		report("attestations", "has more than %d rules", most)
		return
	}
	signers := signerNames(p.Signatures.Signers)
	var names []string
	for i, a := range p.Attestations {
		field := fmt.Sprintf("attestations[%d]", i)
		validateRuleName(a.Name, names, field, report)
		names = append(names, a.Name)
		if strings.TrimSpace(a.PredicateType) == "" {
			report(field+".predicateType", "is missing: write the type of the statement, such as https://slsa.dev/provenance/v1")
		}
		for j, signer := range a.Signers {
			if !slices.Contains(signers, signer) {
				report(fmt.Sprintf("%s.signers[%d]", field, j), "%s", unknownWord("signer", signer, signers))
			}
		}
		reportTwice(a.Stages, field, report)
	}
}

func validateVEX(p *Policy, report reporter) {
	const most = 1000
	if len(p.VEX.Documents) > most {
		report("vex.documents", "names more than %d documents", most)
		return
	}
	for i, d := range p.VEX.Documents {
		if (d.File == "") == (d.Data == "") {
			report(fmt.Sprintf("vex.documents[%d]", i), "needs either file or data: write {file: openvex.json}")
		}
	}
}

// validateVEXSigners looks at whose attestations count, which an override can set.
func validateVEXSigners(p *Policy, report reporter) {
	signers := signerNames(p.Signatures.Signers)
	for i, signer := range p.VEX.Signers {
		if !slices.Contains(signers, signer) {
			report(fmt.Sprintf("vex.signers[%d]", i), "%s", unknownWord("signer", signer, signers))
		}
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
