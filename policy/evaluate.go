package policy

import (
	"slices"
	"time"
)

// question is one evaluation: what is asked, and the exceptions that were used
// on the way to the answer.
type question struct {
	policy    *Policy
	evidence  *Evidence
	platforms []*Platform // those that the policy wants judged
	stage     Stage
	now       time.Time
	excused   ledger
	attested  map[*Platform][]statement // of VEX attestations, once they were asked for
	spent     uint64                    // of maxPolicyCost
}

// Evaluate judges evidence. It is pure: it changes nothing that it is given, and
// the same input gives the same verdict. Findings are in the order of Rules,
// within a rule in the order of the platforms, and the worst first.
//
// Overrides by image are laid over the policy here if For was not asked before;
// those by namespace need For, since evidence knows no namespace.
func (p *Policy) Evaluate(e Evidence, stage Stage, now time.Time) Verdict {
	if p != nil {
		p = p.For(e.Reference, p.namespace)
	}
	if p == nil || p.APIVersion != APIVersion {
		return Verdict{Decision: NotDecidable, Findings: []Finding{{
			Rule: RuleResolve, Outcome: Undecided, Message: "no policy was loaded",
		}}}
	}
	q := &question{policy: p, evidence: &e, stage: stage, now: now, excused: newLedger(), attested: map[*Platform][]statement{}}
	for i := range e.Platforms {
		if p.Judges(e.Platforms[i].Name) {
			q.platforms = append(q.platforms, &e.Platforms[i])
		}
	}
	var findings []Finding
	for _, r := range p.rules() {
		findings = append(findings, q.apply(r)...)
	}
	return Verdict{Decision: decide(findings), Findings: findings}
}

// DeniedSoFar says whether evidence that is still incomplete is enough to deny.
// A rule only fails on facts that are there, so nothing that is collected later
// can turn the answer; true means that collecting may stop.
func (p *Policy) DeniedSoFar(e Evidence, stage Stage, now time.Time) bool {
	return p.Evaluate(e, stage, now).Decision == Deny
}

// decide is the only place where findings become a decision.
func decide(findings []Finding) Decision {
	has := func(o Outcome) bool {
		return slices.ContainsFunc(findings, func(f Finding) bool { return f.Outcome == o })
	}
	switch {
	case has(Fail):
		return Deny
	case has(Undecided) || len(findings) == 0:
		return NotDecidable
	}
	return Allow
}

// apply asks one rule, about the subject or about each platform image.
func (q *question) apply(r rule) []Finding {
	switch {
	case !r.level(q.policy).on():
		return []Finding{{Rule: r.ID, Outcome: Skipped, Message: "the policy does not ask for it"}}
	case !atStage(r.stages(q.policy), q.stage):
		return []Finding{{Rule: r.ID, Outcome: Skipped, Message: "the policy does not ask for it at stage " + string(q.stage)}}
	case r.subject != nil:
		return q.settle(r, r.subject(q))
	case q.unresolved():
		return nil // the resolve rule has said so, and no platform is known
	}
	var findings []Finding
	for _, platform := range q.platforms {
		judged := missing(r.steps, platform.Steps)
		if judged == nil {
			judged = r.platform(q, platform)
		}
		for i := range judged {
			judged[i].Platform = platform.Name
		}
		findings = append(findings, q.settle(r, judged)...)
	}
	return findings
}

func atStage(stages []Stage, stage Stage) bool {
	return len(stages) == 0 || slices.Contains(stages, stage)
}

func (q *question) unresolved() bool { return q.evidence.Steps[StepResolve].State != Done }

// missing is the answer of a rule whose facts could not be had, or nil.
func missing(steps []Step, have map[Step]Status) []Finding {
	for _, step := range steps {
		if status := have[step]; status.State != Done {
			return []Finding{notJudged(step, status)}
		}
	}
	return nil
}

// notJudged says why the evidence of a step is not there. Its remedy is the
// step's own, if the step knew one.
func notJudged(step Step, status Status) Finding {
	f := Finding{Outcome: Undecided, Remedy: clean(status.Remedy, maxError)}
	switch {
	case status.State == Failed && status.Error != "":
		f.Message = "could not be judged: " + clean(status.Error, maxError)
	case status.State == Failed:
		f.Message = "could not be judged: " + doing(step) + " failed"
	default:
		f.Message = "could not be judged: " + doing(step) + " was not done"
	}
	if f.Remedy == "" && status.Transient {
		f.Remedy = "try again: the reason may be gone in a minute"
	}
	return f
}

func doing(step Step) string {
	switch step {
	case StepResolve:
		return "resolving the reference"
	case StepSignatures:
		return "verifying signatures"
	case StepConfig:
		return "reading the image config"
	case StepFiles:
		return "reading the layers"
	case StepSBOM:
		return "listing the packages"
	case StepVulnerabilities:
		return "matching vulnerabilities"
	}
	return string(step)
}

// settle turns what a rule found into what the policy makes of it: exceptions
// first, then the rule's level, then the policy's enforcement. Undecided passes
// through all of them.
func (q *question) settle(r rule, findings []Finding) []Finding {
	level := r.level(q.policy)
	for i := range findings {
		f := &findings[i]
		f.Rule = r.ID
		if f.Outcome == Fail && r.exceptable && !r.itemised {
			*f = q.excuse(*f, offence{rule: r.ID, level: level})
		}
		if f.Outcome != Fail {
			continue
		}
		switch {
		case level == LevelWarn:
			f.Outcome = Warn
		case q.policy.Enforcement != Enforce:
			f.Outcome = Warn
			f.Message += "; not refused, since enforcement is " + string(q.policy.Enforcement)
		}
	}
	return findings
}
