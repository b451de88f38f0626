package policy

import (
	"encoding/hex"
	"slices"
	"strings"
)

// judgeResolve holds the evidence itself against what every other rule relies
// on. It has no way to fail: evidence that is not fit to be judged is undecided.
func judgeResolve(q *question) []Finding {
	e := q.evidence
	undecided := func(message, remedy string) []Finding {
		return []Finding{{Outcome: Undecided, Message: message, Remedy: remedy}}
	}
	if e.SchemaVersion != EvidenceVersion {
		return undecided("the evidence is of version "+quoted(e.SchemaVersion)+", not "+EvidenceVersion, "collect it again with this version of imagegate")
	}
	if !slices.Contains(q.stage.words(), string(q.stage)) {
		return undecided("there is no stage "+quoted(string(q.stage)), "use "+oneOf(q.stage.words()))
	}
	if f := missing([]Step{StepResolve}, e.Steps); f != nil {
		return f
	}
	if !isDigest(e.Digest) {
		return undecided("the reference resolved to "+quoted(e.Digest)+", which is no sha256 digest", "")
	}
	if f := q.judgePlatforms(); f != nil {
		return f
	}
	return []Finding{{Outcome: Pass, Message: printable(e.Reference.Typed) + " is " + e.Digest + ", " + plural(len(q.platforms), "platform") + q.overridden()}}
}

// overridden says which overrides were laid over the policy.
func (q *question) overridden() string {
	if len(q.policy.applied) == 0 {
		return ""
	}
	titles := make([]string, len(q.policy.applied))
	for i, o := range q.policy.applied {
		titles[i] = o.Title()
	}
	return "; the policy has an override for it: " + strings.Join(titles, "; ")
}

// judgePlatforms is nil if every platform that the policy names is there.
func (q *question) judgePlatforms() []Finding {
	var have []string
	for _, p := range q.evidence.Platforms {
		have = append(have, p.Name)
	}
	var findings []Finding
	for _, name := range q.policy.Platforms {
		if !slices.ContainsFunc(have, func(platform string) bool { return selects(name, platform) }) {
			findings = append(findings, Finding{
				Outcome: Undecided, Platform: notAll(name), Message: "there is no platform image to judge",
				Expected: name, Actual: orNone(enumerate(have)),
				Remedy: "push an image for it, or name other platforms in the policy",
			})
		}
	}
	for _, p := range q.platforms {
		if !isDigest(p.Digest) {
			findings = append(findings, Finding{Outcome: Undecided, Platform: printable(p.Name),
				Message: "the platform image has no digest, so it is not known what was read"})
		}
	}
	return findings
}

func notAll(platform string) string {
	if platform == AllPlatforms {
		return ""
	}
	return platform
}

// isDigest is true of the only form of digest that the gate accepts.
func isDigest(s string) bool {
	digits, ok := strings.CutPrefix(s, "sha256:")
	sum, err := hex.DecodeString(digits)
	return ok && err == nil && len(sum) == 32 && strings.ToLower(digits) == digits
}
