package estate

import (
	"bytes"
	"fmt"
	"io"

	"github.com/imagegate/imagegate/gate/report"
)

// Markdown writes a summary for people, as long as a page: what is allowed and what
// not, why, what to mend first, the worst images, exceptions and changes.
func Markdown(w io.Writer, s Summary, tool string) error {
	var b bytes.Buffer
	m := markdown{&b}
	m.head(s, tool)
	m.reasons(s.Reasons)
	m.fixes(s.Fixes)
	m.worst(s.Worst)
	m.exceptions(s.Exceptions)
	m.changes(s.Changes)
	_, err := w.Write(b.Bytes())
	return err
}

type markdown struct{ *bytes.Buffer }

func (m markdown) say(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

// text makes hostile text plain; code is for what is copied.
func text(s string) string { return report.MarkdownText(s) }
func code(s string) string { return report.MarkdownCode(s) }

func (m markdown) head(s Summary, tool string) {
	m.say("# Estate of images\n")
	m.say("| | images | |\n|---|--:|--:|")
	m.say("| allowed | %s | %s |", thousands(s.Allowed), percent(s.Allowed, s.Images))
	m.say("| **denied** | %s | %s |", thousands(s.Denied), percent(s.Denied, s.Images))
	m.say("| undecided | %s | %s |", thousands(s.Undecided), percent(s.Undecided, s.Images))
	m.say("| all | %s | %s, %s |\n", thousands(s.Images), plural(s.Digests, "digest", "digests"), plural(s.References, "name", "names"))
	if s.Exploited > 0 {
		m.say("%s a vulnerability that is known to be exploited.\n", plural(s.Exploited, "image has", "images have"))
	}
	if s.Images > 0 {
		m.say("Judged from %s to %s by %s; %s pulled, %s saved.\n", s.From.UTC().Format("2006-01-02 15:04"), s.To.UTC().Format("2006-01-02 15:04"),
			text(tool), report.Size(s.PulledBytes), report.Size(s.SavedBytes))
	}
}

func (m markdown) reasons(list []Reason) {
	if len(list) == 0 {
		return
	}
	m.say("## Why\n\n| rule | outcome | images | for example |\n|---|---|--:|---|")
	for _, r := range list[:min(len(list), 30)] {
		m.say("| %s | %s | %s | %s |", code(r.Rule), r.Outcome, thousands(r.Images), text(r.Message))
	}
	m.say("")
}

func (m markdown) fixes(list []Fix) {
	if len(list) == 0 {
		return
	}
	m.say("## Fix these first\n")
	for n, f := range list {
		exploited := ""
		if f.KEV {
			exploited = " **Known to be exploited.**"
		}
		m.say("%d. %s: %s.%s", n+1, text(f.title()), f.effect(), exploited)
	}
	m.say("")
}

func (m markdown) worst(list []Image) {
	if len(list) == 0 {
		return
	}
	m.say("## Worst images\n\n| image | verdict | critical | high | exploited | reason |\n|---|---|--:|--:|--:|---|")
	for _, i := range list {
		m.say("| %s | %s | %d | %d | %d | %s |", code(inNamespace(i.Names[0], i.Namespace)), word(i.Verdict), i.Critical, i.High, i.Exploited, text(i.Reason))
	}
	m.say("")
}

func (m markdown) exceptions(list []ExceptionUse) {
	if len(list) == 0 {
		return
	}
	m.say("## Exceptions\n\n| expires | | accepts | owner | images |\n|---|---|---|---|--:|")
	for _, e := range list[:min(len(list), 100)] {
		m.say("| %s | %s | %s | %s | %s |", date(e.Expires), e.state(), text(e.About), text(e.Owner), thousands(e.Images))
	}
	m.say("")
}

func (m markdown) changes(c *Changes) {
	if c == nil {
		return
	}
	m.say("## Since the baseline\n\n%s, %s, %s, %s, %s.\n", thousands(c.Worse)+" worse", thousands(c.Better)+" better",
		thousands(c.New)+" new", thousands(c.Gone)+" gone", thousands(c.Same)+" as before")
	if len(c.List) == 0 {
		return
	}
	m.say("| name | change | was | is | |\n|---|---|---|---|---|")
	for _, changed := range c.List[:min(len(c.List), 50)] {
		m.say("| %s | %s | %s | %s | %s |", code(changed.Name), changed.Change, changed.Was, changed.Is, changed.cause())
	}
	m.say("")
}

// cause says whether the image changed or what is known about it.
func (c ChangedName) cause() string {
	switch {
	case c.Was == "" || c.Is == "":
		return ""
	case c.SameImage:
		return "same image"
	}
	return "another image"
}
