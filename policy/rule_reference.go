package policy

import "slices"

func referenceRules() []rule {
	stages := func(p *Policy) []Stage { return p.Reference.Stages }
	return []rule{{
		RuleInfo: RuleInfo{RuleRegistry, "The image comes from a registry that is allowed", []string{"reference.registries"},
			"Whoever can write to a registry decides what runs."},
		optional: true, exceptable: true, stages: stages, subject: judgeRegistry,
		level: func(p *Policy) Level { return levelIf(len(p.Reference.From) > 0) },
	}, {
		RuleInfo: RuleInfo{RuleTag, "The tag is not one that moves", []string{"reference.denyTags", "reference.warnTags"},
			"What latest means tomorrow nobody knows today, and nobody can tell which version runs."},
		optional: true, exceptable: true, stages: stages, subject: judgeTag,
		level: func(p *Policy) Level {
			if len(p.Reference.Deny) == 0 && len(p.Reference.Warn) > 0 {
				return LevelWarn
			}
			return levelIf(len(p.Reference.Deny) > 0)
		},
	}, {
		RuleInfo: RuleInfo{RuleDigest, "The image is named by digest, or what its tag means is signed", []string{"reference.digest"},
			"A tag can be moved after it was judged; a digest cannot."},
		optional: true, exceptable: true, stages: stages, subject: judgeDigest,
		level: func(p *Policy) Level { return levelIf(p.Reference.Digest != DigestAny) },
	}}
}

// local says what is judged before it has ever been pushed: no registry can
// change it, and nobody refers to it yet. At other stages it is out of place.
func (q *question) local() bool {
	return q.stage == StageBuild && slices.Contains([]string{"oci", "oci-archive", "docker-archive", "docker-daemon"}, q.evidence.Reference.Transport)
}

func notPushed() []Finding {
	return []Finding{{Outcome: Skipped, Message: "the image has not been pushed yet"}}
}

// unparsed is the answer where it is not even known what was typed.
func (q *question) unparsed() []Finding {
	if q.evidence.Reference.Transport != "" {
		return nil
	}
	return []Finding{notJudged(StepResolve, q.evidence.Steps[StepResolve])}
}

func judgeRegistry(q *question) []Finding {
	if f := q.unparsed(); f != nil {
		return f
	}
	if q.local() {
		return notPushed()
	}
	r := q.evidence.Reference
	name := r.Registry + "/" + r.Repository
	f := Finding{Outcome: Pass, Message: printable(name) + " is allowed"}
	allowed := func(g RegistryGlob) bool { return g.Matches(r.Registry, r.Repository) }
	if slices.ContainsFunc(q.policy.Reference.From, allowed) {
		return []Finding{f}
	}
	var globs []string
	for _, g := range q.policy.Reference.From {
		globs = append(globs, string(g))
	}
	f.Outcome, f.Expected, f.Actual = Fail, enumerate(globs), printable(name)
	f.Message = printable(name) + " is not among the allowed registries"
	if r.Registry == "" {
		f.Message, f.Actual = "the image does not come from a registry", printable(r.Transport)
	}
	f.Remedy = "copy the image to an allowed registry, or add a pattern to reference.registries"
	return []Finding{f}
}

func judgeTag(q *question) []Finding {
	if f := q.unparsed(); f != nil {
		return f
	}
	r := q.evidence.Reference
	switch {
	case q.local() || r.Tag == "" && !r.ByDigest:
		return []Finding{{Outcome: Skipped, Message: "the image has no tag"}}
	case r.ByDigest:
		return []Finding{{Outcome: Pass, Message: "the image is named by digest"}}
	}
	matches := func(pattern string) bool { return matchWord(pattern, r.Tag) }
	f := Finding{
		Message: "the tag " + quoted(r.Tag) + " can mean another image tomorrow", Actual: printable(r.Tag),
		Expected: "a tag that names a version", Remedy: "use the tag of a version, or " + byDigest(q.evidence),
	}
	switch {
	case slices.ContainsFunc(q.policy.Reference.Deny, matches):
		f.Outcome = Fail
	case slices.ContainsFunc(q.policy.Reference.Warn, matches):
		f.Outcome = Warn
	default:
		f = Finding{Outcome: Pass, Message: "the tag " + quoted(r.Tag) + " is allowed"}
	}
	return []Finding{f}
}

// byDigest is the reference to write instead of a tag.
func byDigest(e *Evidence) string {
	if !isDigest(e.Digest) || e.Reference.Repository == "" {
		return "name the image by digest (repository@sha256:…)"
	}
	return "name the image by digest: " + printable(e.Reference.Registry+"/"+e.Reference.Repository) + "@" + e.Digest
}

func judgeDigest(q *question) []Finding {
	if f := missing([]Step{StepResolve}, q.evidence.Steps); f != nil {
		return f
	}
	if q.local() {
		return notPushed()
	}
	r := q.evidence.Reference
	if r.ByDigest {
		return []Finding{{Outcome: Pass, Message: "the image is named by digest"}}
	}
	f := Finding{
		Outcome: Fail, Message: "the image is named by tag " + quoted(r.Tag) + ", which can be moved",
		Expected: "a digest", Actual: "tag " + printable(r.Tag), Remedy: byDigest(q.evidence),
	}
	if q.policy.Reference.Digest == DigestRequired {
		return []Finding{f}
	}
	f.Expected = "a digest, or a signature of what the tag means"
	return []Finding{orSigned(f, q.signed())}
}

// orSigned lets a verified signature stand in for a digest.
func orSigned(byTag, signed Finding) Finding {
	switch signed.Outcome {
	case Pass:
		byTag = Finding{Outcome: Pass, Message: "the image is named by tag, and what it means is signed: " + signed.Message}
	case Undecided:
		byTag.Outcome, byTag.Remedy = Undecided, signed.Remedy
		byTag.Message += "; whether it is signed " + signed.Message
	default:
		byTag.Message += "; " + signed.Message
	}
	return byTag
}
