package policy

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// reporter notes a problem at a field path.
type reporter func(field, format string, args ...any)

// validate refuses what is well formed but contradictory, unsafe or without
// effect: whoever writes a policy must not believe in a rule that does nothing.
func validate(p *Policy, report reporter) {
	validateHead(p, report)
	validateSigners(p.Signatures, report)
	known := map[string]bool{}
	validateRules(p, func(field, format string, args ...any) {
		known[field+fmt.Sprintf(format, args...)] = true
		report(field, format, args...)
	})
	list := p.everyRule()
	for i, e := range p.Exceptions {
		validateException(list, e, fmt.Sprintf("exceptions[%d]", i), report)
	}
	validateVEX(p, report)
	validateOverrides(p, known, report)
	if !p.denies() {
		report("", "denies nothing: set a rule to deny or extend baseline or restricted; to try a policy without denying, set enforcement: warn")
	}
}

// validateRules looks at what an override can set too.
func validateRules(p *Policy, report reporter) {
	validatePlatforms(p.Platforms, report)
	validateReference(p.Reference, report)
	validateSignatures(p.Signatures, report)
	validateConfig(p.Config, report)
	validateVulnerabilities(p.Vulnerabilities, report)
	validateAttestations(p, report)
	validateCustomRules(p.Custom, report)
	validateVEXSigners(p, report)
	validateStages(p, report)
}

func validateHead(p *Policy, report reporter) {
	if p.APIVersion != APIVersion {
		report("apiVersion", "must be %s", APIVersion)
	}
	if p.Kind != Kind {
		report("kind", "must be %s", Kind)
	}
	const longest = 253 // as Kubernetes object names
	switch name := p.Metadata.Name; {
	case name == "":
		report("metadata.name", "is missing: reports name the policy by it")
	case len(name) > longest || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		report("metadata.name", "must be at most %d printable characters", longest)
	}
}

var platformName = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9.]+)?$`)

func validatePlatforms(platforms []string, report reporter) {
	const most = 100
	if len(platforms) == 0 {
		report("platforms", "is empty, so nothing would be judged: write [all]")
	}
	if len(platforms) > most {
		report("platforms", "names more than %d platforms: write [all]", most)
		return
	}
	for i, name := range platforms {
		field := fmt.Sprintf("platforms[%d]", i)
		switch {
		case name == AllPlatforms && len(platforms) > 1:
			report(field, "all stands alone")
		case name != AllPlatforms && !platformName.MatchString(name):
			report(field, "%q is not a platform: write %s, or all alone", shortened(name), nearestPlatform(name))
		case slices.Contains(platforms[:i], name):
			report(field, "%s is named twice", name)
		}
	}
}

// nearestPlatform is what an architecture alone stands for on Linux, else two of them.
func nearestPlatform(name string) string {
	arch := strings.ToLower(name)
	if known := map[string]string{"x86_64": "amd64", "aarch64": "arm64"}[arch]; known != "" {
		arch = known
	}
	if slices.Contains([]string{"amd64", "arm64", "arm", "386", "ppc64le", "riscv64", "s390x"}, arch) {
		return "linux/" + arch
	}
	return "linux/amd64 or linux/arm64/v8"
}

func validateReference(r ReferenceRules, report reporter) {
	for field, tags := range map[string][]string{"denyTags": r.Deny, "warnTags": r.Warn} {
		for i, tag := range tags {
			if _, err := path.Match(tag, ""); err != nil || tag == "" || strings.Contains(tag, "/") {
				report(fmt.Sprintf("reference.%s[%d]", field, i), "%q is not a tag or a pattern: write latest or *-dev", shortened(tag))
			}
		}
	}
}

func validateConfig(c ConfigRules, report reporter) {
	const most = 10_000
	if c.MaxLayers < 0 || c.MaxLayers > most {
		report("config.maxLayers", "must be from 1 to %d, or 0 for no limit", most)
	}
	validateKnownBases(c.KnownBases, report)
	for i, label := range c.RequiredLabels {
		if strings.TrimSpace(label) == "" {
			report(fmt.Sprintf("config.requiredLabels[%d]", i), "is empty: write a label such as org.opencontainers.image.source")
		}
	}
}

func validateVulnerabilities(v VulnerabilityRules, report reporter) {
	for _, at := range []struct {
		field string
		is    Criteria
	}{{"vulnerabilities.deny", v.Deny}, {"vulnerabilities.warn", v.Warn}} {
		if at.is.CVSS.On && (at.is.CVSS.At < 0 || at.is.CVSS.At > 10) {
			report(at.field+".cvss", "%s is out of range: CVSS goes from 0 to 10", at.is.CVSS)
		}
		if at.is.EPSS.On && (at.is.EPSS.At < 0 || at.is.EPSS.At > 1) {
			report(at.field+".epss", "%s is out of range: EPSS is a probability from 0 to 1, so 50%% is 0.5", at.is.EPSS)
		}
	}
	neverWarns := func(field string, deny, warn Threshold) {
		if deny.On && warn.On && warn.At >= deny.At {
			report("vulnerabilities.warn."+field, "%s never warns, since deny.%s is %s: set it lower, or off", warn, field, deny)
		}
	}
	neverWarns("cvss", v.Deny.CVSS, v.Warn.CVSS)
	neverWarns("epss", v.Deny.EPSS, v.Warn.EPSS)
	if v.Deny.Severity.on() && v.Warn.Severity.on() && severityRank(string(v.Warn.Severity)) >= severityRank(string(v.Deny.Severity)) {
		report("vulnerabilities.warn.severity", "%s never warns, since deny.severity is %s: set it lower, or off", v.Warn.Severity, v.Deny.Severity)
	}
}

// validateStages refuses a list of stages that names one twice.
func validateStages(p *Policy, report reporter) {
	for field, stages := range map[string][]Stage{
		"reference": p.Reference.Stages, "signatures": p.Signatures.Stages, "config": p.Config.Stages,
		"content": p.Content.Stages, "sbom": p.SBOM.Stages, "vulnerabilities": p.Vulnerabilities.Stages,
	} {
		reportTwice(stages, field, report)
	}
}

func reportTwice(stages []Stage, field string, report reporter) {
	for i, stage := range stages {
		if slices.Contains(stages[:i], stage) {
			report(fmt.Sprintf("%s.stages[%d]", field, i), "%s is named twice", stage)
		}
	}
}

// denies says whether any rule of the policy, or of an override, can fail an
// image.
func (p *Policy) denies() bool {
	if slices.ContainsFunc(p.Overrides, func(o Override) bool { return p.with(o).denies() }) {
		return true
	}
	for _, r := range p.rules() {
		if r.level(p) == LevelDeny && r.optional {
			return true
		}
	}
	return false
}
