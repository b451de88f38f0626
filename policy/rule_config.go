package policy

import (
	"fmt"
	"slices"
	"strings"
)

func configRules() []rule {
	stages := func(p *Policy) []Stage { return p.Config.Stages }
	one := func(info RuleInfo, level func(*Policy) Level, judge func(*question, *Platform) []Finding, steps ...Step) rule {
		return rule{RuleInfo: info, optional: true, exceptable: true, level: level, stages: stages, steps: steps, platform: judge}
	}
	return []rule{
		one(RuleInfo{RuleNonRoot, "The image does not run as root", []string{"config.nonRoot"},
			"Who breaks out of a container as root is root on the node, unless something else stands in the way."},
			func(p *Policy) Level { return p.Config.NonRoot }, judgeNonRoot, StepConfig),
		one(RuleInfo{RuleNonRootGroup, "The image does not run with the root group", []string{"config.nonRootGroup"},
			"Files of the root group are often writable for it."},
			func(p *Policy) Level { return p.Config.NonRootGroup }, judgeNonRootGroup, StepConfig),
		one(RuleInfo{RuleNumericUser, "The user is a number", []string{"config.numericUser"},
			"The kubelet cannot verify runAsNonRoot for a name, and refuses to start the container."},
			func(p *Policy) Level { return p.Config.NumericUser }, judgeNumericUser, StepConfig),
		one(RuleInfo{RuleEntrypoint, "The image's user can start its entry point", []string{"config.entrypointRunnable"},
			"An image that starts only as root fails in the cluster, or tempts people to run it as root."},
			func(p *Policy) Level { return p.Config.EntrypointRunnable }, judgeEntrypoint, StepConfig, StepFiles),
		one(RuleInfo{RuleSize, "The image is not too large", []string{"config.maxSize", "config.maxUncompressedSize", "config.maxLayers"},
			"What is large starts slowly and holds what nobody needs."},
			func(p *Policy) Level {
				return levelIf(p.Config.MaxSize > 0 || p.Config.MaxUncompressed > 0 || p.Config.MaxLayers > 0)
			}, judgeSize, StepConfig),
		one(RuleInfo{RuleLabels, "The image has the required labels", []string{"config.requiredLabels"},
			"Labels say where an image comes from and who to ask."},
			func(p *Policy) Level { return levelIf(len(p.Config.RequiredLabels) > 0) }, judgeLabels, StepConfig),
		baseImageRule(),
		one(RuleInfo{RulePorts, "The image exposes no port that is denied", []string{"config.denyPorts"},
			"A port such as 22 shows that something runs which has no place in a container."},
			func(p *Policy) Level { return levelIf(len(p.Config.DenyPorts) > 0) }, judgePorts, StepConfig),
	}
}

// maxID is the largest uid that container runtimes take (moby/sys/user); the
// kernel reads what is larger modulo 2^32, where 4294967296 is root.
const maxID = 1<<31 - 1

const setUser = "set USER 10001:10001 in the Dockerfile, and give it the files that it needs"

// judgeNonRoot goes by the uid, whatever its name. An image that has no such
// user cannot start, so it fails: the file tree is complete and the user is not
// in it.
func judgeNonRoot(_ *question, p *Platform) []Finding {
	c := p.Config
	f := Finding{Outcome: Fail, Expected: "a user other than root", Actual: userText(c), Remedy: setUser}
	switch files := p.Steps[StepFiles]; {
	case c.UID != nil && *c.UID == 0 && c.User == "":
		f.Message = "runs as root, since no user is set"
	case c.UID != nil && *c.UID == 0:
		f.Message = "runs as root: user " + quoted(c.User) + " has uid 0"
	case c.UID != nil && (*c.UID < 0 || *c.UID > maxID):
		f.Message = fmt.Sprintf("cannot start as user %s: uid %d is out of range", quoted(c.User), *c.UID)
	case c.UID != nil:
		return []Finding{{Outcome: Pass, Message: "runs as " + userText(c)}}
	case files.State != Done:
		return []Finding{notJudged(StepFiles, files)}
	case c.UserError != "":
		f.Message = "cannot start as user " + quoted(c.User) + ": " + clean(c.UserError, maxError)
		f.Remedy = "set USER to a number, or add the user to /etc/passwd of the image"
	default:
		f.Outcome, f.Message = Undecided, "could not be judged: it is not known which uid user "+quoted(c.User)+" has"
	}
	return []Finding{f}
}

func userText(c Config) string {
	text := "user " + quoted(c.User)
	if c.UID != nil {
		text += fmt.Sprintf(", uid %d", *c.UID)
	}
	if c.GID != nil {
		text += fmt.Sprintf(", gid %d", *c.GID)
	}
	return text
}

func judgeNonRootGroup(_ *question, p *Platform) []Finding {
	c := p.Config
	switch files := p.Steps[StepFiles]; {
	case c.GID != nil && *c.GID == 0:
		return []Finding{{Outcome: Fail, Message: "runs with the root group: gid 0", Expected: "a group other than root",
			Actual: userText(c), Remedy: "set USER 10001:10001 in the Dockerfile: a user without a group gets gid 0 unless /etc/passwd says otherwise"}}
	case c.GID != nil:
		return []Finding{{Outcome: Pass, Message: fmt.Sprintf("runs with gid %d", *c.GID)}}
	case files.State != Done:
		return []Finding{notJudged(StepFiles, files)}
	}
	return []Finding{{Outcome: Undecided, Message: "could not be judged: it is not known which gid user " + quoted(c.User) + " has", Remedy: setUser}}
}

func judgeNumericUser(_ *question, p *Platform) []Finding {
	user, _, _ := strings.Cut(p.Config.User, ":")
	numeric := user != "" && strings.Trim(user, "0123456789") == ""
	if numeric {
		return []Finding{{Outcome: Pass, Message: "user " + quoted(p.Config.User) + " is a number"}}
	}
	f := Finding{Outcome: Fail, Expected: "a numeric user", Actual: "user " + quoted(p.Config.User), Remedy: setUser,
		Message: "user " + quoted(p.Config.User) + " is a name, which the kubelet cannot verify under runAsNonRoot"}
	if user == "" {
		f.Message = "no user is set, so the kubelet refuses it under runAsNonRoot"
	} else if uid := p.Config.UID; uid != nil && *uid > 0 {
		f.Remedy = fmt.Sprintf("set USER %d in the Dockerfile, which is the same user", *uid)
	}
	return []Finding{f}
}

func judgeEntrypoint(_ *question, p *Platform) []Finding {
	r := p.Config.Runnable
	command := strings.Join(slices.Concat(p.Config.Entrypoint, p.Config.Cmd), " ")
	switch {
	case r == nil:
		return []Finding{{Outcome: Undecided, Message: "could not be judged: it is not known whether " + quoted(command) + " can be started"}}
	case r.OK:
		return []Finding{{Outcome: Pass, Message: userText(p.Config) + " can start " + printable(r.Path)}}
	}
	return []Finding{{
		Outcome: Fail, Message: userText(p.Config) + " cannot start " + quoted(command) + ": " + clean(r.Reason, maxError),
		Expected: "an entry point that the image's user can read and execute", Actual: clean(r.Reason, maxError),
		Remedy: "mend the path or its permissions (COPY --chmod=755), or set another ENTRYPOINT or USER",
	}}
}

func judgeSize(q *question, p *Platform) []Finding {
	limits, size := q.policy.Config, p.Size
	var findings []Finding
	over := func(what, expected, actual, remedy string) {
		findings = append(findings, Finding{Outcome: Fail, Message: what + ": " + actual + ", allowed are " + expected,
			Expected: "at most " + expected, Actual: actual, Remedy: remedy})
	}
	if most := int64(limits.MaxSize); most > 0 && size.CompressedBytes > most {
		over("the compressed layers are too large", limits.MaxSize.String(), readableBytes(size.CompressedBytes), smaller(size))
	}
	if most := limits.MaxLayers; most > 0 && size.Layers > most {
		over("there are too many layers", plural(most, "layer"), plural(size.Layers, "layer"), "join RUN and COPY instructions, or copy the result into a fresh stage")
	}
	if most := int64(limits.MaxUncompressed); most > 0 {
		if files := p.Steps[StepFiles]; files.State != Done {
			findings = append(findings, notJudged(StepFiles, files))
		} else if size.UncompressedBytes > most {
			over("the files are too large", limits.MaxUncompressed.String(), readableBytes(size.UncompressedBytes), smaller(size))
		}
	}
	if len(findings) == 0 {
		return []Finding{{Outcome: Pass, Message: readableBytes(size.CompressedBytes) + " compressed in " + plural(size.Layers, "layer")}}
	}
	return findings
}

// smaller names where the bytes are, if that is known.
func smaller(size Size) string {
	const most = 3
	var largest []string
	for _, d := range size.Largest[:min(most, len(size.Largest))] {
		largest = append(largest, fmt.Sprintf("%s (%s)", printable(d.Path), readableBytes(d.Bytes)))
	}
	if len(largest) == 0 {
		return "use a smaller base image, and a stage of its own for building"
	}
	return "make it smaller; the largest directories are " + strings.Join(largest, ", ")
}

func judgeLabels(q *question, p *Platform) []Finding {
	var absent []string
	for _, label := range q.policy.Config.RequiredLabels {
		if strings.TrimSpace(p.Config.Labels[label]) == "" {
			absent = append(absent, label)
		}
	}
	if len(absent) == 0 {
		return []Finding{{Outcome: Pass, Message: "every required label is there"}}
	}
	list := enumerate(absent)
	return []Finding{{Outcome: Fail, Message: "required labels are missing or empty: " + list, Expected: list, Actual: "none",
		Remedy: "set LABEL " + absent[0] + "=… in the Dockerfile, or build with --label"}}
}

func judgePorts(q *question, p *Platform) []Finding {
	var bad []string
	for _, exposed := range p.Config.ExposedPorts {
		if slices.ContainsFunc(q.policy.Config.DenyPorts, func(denied Port) bool { return denied.matches(exposed) }) {
			bad = append(bad, exposed)
		}
	}
	if len(bad) == 0 {
		return []Finding{{Outcome: Pass, Message: "exposes no denied port"}}
	}
	list := enumerate(bad)
	return []Finding{{Outcome: Fail, Message: "exposes ports that are denied: " + list, Expected: "other ports", Actual: list,
		Remedy: "remove EXPOSE " + printable(bad[0]) + " from the Dockerfile, with what listens there"}}
}
