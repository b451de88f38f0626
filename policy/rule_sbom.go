package policy

func sbomRule() rule {
	return rule{
		RuleInfo: RuleInfo{RuleSBOM, "The bill of materials names everything", []string{"sbom.complete"},
			"No vulnerabilities in a list that does not name everything means nothing."},
		optional: true, exceptable: true, itemised: true,
		level:    func(p *Policy) Level { return levelIf(p.SBOM.Complete == CompleteRequired) },
		stages:   func(p *Policy) []Stage { return p.SBOM.Stages },
		steps:    []Step{StepSBOM},
		platform: judgeSBOM,
	}
}

// judgeSBOM is undecided about a gap: what was not found cannot be judged. An
// exception can accept a gap that is known, but never a step that failed.
func judgeSBOM(q *question, p *Platform) []Finding {
	if len(p.Gaps) == 0 {
		return []Finding{{Outcome: Pass, Message: plural(len(p.Packages), "package") + ", no gap"}}
	}
	gaps := enumerate(p.Gaps)
	return []Finding{q.excuse(Finding{
		Outcome: Undecided, Message: "may not name everything in the image: " + gaps,
		Expected: "a complete bill of materials", Actual: gaps,
		Remedy: "build on a distribution with a package database, or from static programs; or set sbom.complete to ignore",
	}, offence{rule: RuleSBOM, level: LevelDeny})}
}
