package policy

import (
	"fmt"
	"slices"
)

// contentClass joins a class of content with its rule and the words for it.
type contentClass struct {
	info   RuleInfo
	class  Class
	noun   string
	remedy string
	level  func(ContentRules) Level
}

func contentClasses() []contentClass {
	return []contentClass{{
		RuleInfo{RuleShells, "The image holds no shell", []string{"content.shells"},
			"A shell is what an attacker runs first, and nothing that a service needs."},
		ClassShell, "shell", "use a base image without a shell (distroless, scratch), or remove it in the stage that makes the final image",
		func(c ContentRules) Level { return c.Shells },
	}, {
		RuleInfo{RuleInterpreters, "The image holds no interpreter", []string{"content.interpreters"},
			"An interpreter runs whatever it is given, as a shell does."},
		ClassInterpreter, "interpreter", "copy only the compiled program into the final image; if the program needs it, set content.interpreters to allow",
		func(c ContentRules) Level { return c.Interpreters },
	}, {
		RuleInfo{RuleDebugTools, "The image holds no debugging tool", []string{"content.debugTools"},
			"What finds faults also finds the way further into the network; debug with an ephemeral container instead."},
		ClassDebugTool, "debugging tool", "leave it out of the final image, and debug with kubectl debug",
		func(c ContentRules) Level { return c.DebugTools },
	}, {
		RuleInfo{RulePackageManagers, "The image holds no package manager", []string{"content.packageManagers"},
			"It installs the rest of what an attacker needs, and a container that changes is no longer its image."},
		ClassPackageManager, "package manager", "install packages in a build stage and copy the result, or remove it in the final stage",
		func(c ContentRules) Level { return c.PackageManagers },
	}, {
		RuleInfo{RuleSetuid, "No file is setuid or setgid or has capabilities", []string{"content.setuid"},
			"Such a file gives the rights of its owner, or the capabilities of its own, to whoever runs it."},
		ClassSetuid, "privilege-raising file", `in the Dockerfile, remove the bits (RUN find / -xdev -perm /6000 -type f -exec chmod a-s {} +) and the capabilities (RUN setcap -r FILE)`,
		func(c ContentRules) Level { return c.Setuid },
	}, {
		RuleInfo{RuleSecrets, "The image holds no secret", []string{"content.secrets"},
			"Everybody who can pull an image can read every layer of it, also what a later layer deletes."},
		ClassSecret, "secret", "revoke it, since it has been published; pass it to the build with --mount=type=secret and to the container at run time",
		func(c ContentRules) Level { return c.Secrets },
	}}
}

func contentRules() []rule {
	var list []rule
	for _, c := range contentClasses() {
		list = append(list, rule{
			RuleInfo: c.info, optional: true, exceptable: true, itemised: true,
			level:    func(p *Policy) Level { return c.level(p.Content) },
			stages:   func(p *Policy) []Stage { return p.Content.Stages },
			steps:    []Step{StepConfig, StepFiles},
			platform: func(q *question, p *Platform) []Finding { return q.judgeContent(c, p) },
		})
	}
	return list
}

// judgeContent makes one finding of everything of a class that no exception
// covers, and one of each that an exception does.
func (q *question) judgeContent(c contentClass, p *Platform) []Finding {
	var open []Content
	var excused []Finding
	expired := ""
	for _, item := range p.Content {
		if item.Class != c.class {
			continue
		}
		f := q.excuse(Finding{Outcome: Fail, Actual: placeOf(item)}, offence{rule: c.info.ID, level: c.level(q.policy.Content), path: item.Path})
		if f.Outcome == Fail {
			open = append(open, item)
			expired = f.Message
			continue
		}
		f.Message = c.noun + " " + placeOf(item) + f.Message
		excused = append(excused, f)
	}
	if len(open) == 0 {
		return append(excused, Finding{Outcome: Pass, Message: noOther(c.noun, len(excused))})
	}
	places := make([]string, len(open))
	for i, item := range open {
		places[i] = placeOf(item)
	}
	slices.Sort(places)
	list := enumeratePlaces(places)
	return append([]Finding{{
		Outcome: Fail, Message: plural(len(open), c.noun) + ": " + list + expired,
		Expected: "no " + c.noun, Actual: list, Remedy: c.remedy,
	}}, excused...)
}

// placeOf says what was found and where: "/bin/sh (busybox, by link, layer
// sha256:0123456789ab)".
func placeOf(item Content) string {
	var details []string
	if item.Name != "" {
		details = append(details, printable(item.Name))
	}
	if item.Via != "" {
		details = append(details, "by "+printable(item.Via))
	}
	if item.Layer != "" {
		details = append(details, "layer "+shortDigest(item.Layer))
	}
	if len(details) == 0 {
		return printable(item.Path)
	}
	return printable(item.Path) + " (" + commaJoin(details) + ")"
}

func noOther(noun string, excused int) string {
	if excused == 0 {
		return "no " + noun
	}
	return "no other " + noun
}

// shortDigest is enough of a digest to find it in a list.
func shortDigest(digest string) string {
	const enough = len("sha256:") + 12
	return printable(digest[:min(enough, len(digest))])
}

// enumeratePlaces is enumerate for texts that are clean already.
func enumeratePlaces(places []string) string {
	text := commaJoin(places[:min(maxListed, len(places))])
	if rest := len(places) - maxListed; rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}
