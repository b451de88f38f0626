package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

type (
	platformView struct {
		ID, Name, Digest string
		Broken           []brokenView
		Facts            []factView
		Pictures         []pictureView
		Content          []contentView
		Vulnerabilities  []vulnerabilityView
		Severities       []string
		NoVulnerability  string
		Packages         []packageView
		Types            []string
		Gaps             []string
		NoPackage        string
	}
	brokenView  struct{ Step, Error string }
	factView    struct{ Name, Value string }
	contentView struct{ Class, Name, Path, Via, Layer string }

	vulnerabilityView struct {
		ID, Aliases, Link, Description string
		KEV, Decisive                  bool
		Package, Type, Version, Paths  string
		Severity, SeverityClass        string
		SeverityRank                   int
		Score, Vector                  string
		ScoreValue                     float64
		EPSS                           string
		EPSSValue                      float64
		Fixed, Outcome                 string
	}
	packageView struct {
		Name, Version, Type, PURL, Path string
		Vulnerabilities                 int
	}
)

func newPlatform(id string, r gate.Result, p policy.Platform) platformView {
	view := platformView{
		ID: id, Name: line(p.Name), Digest: line(p.Digest),
		Broken: failedSteps(p.Steps, steps), Facts: facets(p), Pictures: pictures(id, p.Size),
		NoVulnerability: nothing(p.Steps[policy.StepVulnerabilities], "vulnerability is known", "Vulnerabilities were not looked for."),
		NoPackage:       nothing(p.Steps[policy.StepSBOM], "package was found", "The packages were not listed."),
	}
	for _, c := range p.Content {
		view.Content = append(view.Content, contentView{line(string(c.Class)), line(c.Name), line(c.Path), line(c.Via), line(c.Layer)})
	}
	view.addVulnerabilities(r, p)
	view.addPackages(p)
	return view
}

// nothing says what an empty list means: nothing there, or nobody looked.
func nothing(s policy.Status, what, notRun string) string {
	switch s.State {
	case policy.Done:
		return "No " + what + "."
	case policy.Failed:
		return "Could not be judged: " + line(s.Error)
	default:
		return notRun
	}
}

// facets is what the image runs, as whom, and what it is made of.
func facets(p policy.Platform) []factView {
	var facts []factView
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, factView{name, value})
		}
	}
	c := p.Config
	add("User", userText(c))
	if c.Runnable != nil && c.Runnable.OK {
		add("Program", line(c.Runnable.Path))
	} else if c.Runnable != nil {
		add("Cannot start", line(c.Runnable.Reason))
	}
	add("Entry point", commandText(c.Entrypoint))
	add("Command", commandText(c.Cmd))
	add("Directory", line(c.WorkingDir))
	add("Ports", line(strings.Join(c.ExposedPorts, ", ")))
	add("Distribution", line(p.Distribution.Name))
	if c.Created != nil {
		add("Created", minute(*c.Created))
	}
	add("Compressed", size(p.Size.CompressedBytes)+" in "+count(p.Size.Layers, "layer"))
	if p.Size.Files > 0 {
		add("Unpacked", size(p.Size.UncompressedBytes)+" in "+humanize.Comma(int64(p.Size.Files))+" files")
	}
	return facts
}

func userText(c policy.Config) string {
	text := line(c.User)
	if text == "" {
		text = "none is set"
	}
	if c.UID != nil {
		text += fmt.Sprintf(", uid %d", *c.UID)
	}
	if c.GID != nil {
		text += fmt.Sprintf(", gid %d", *c.GID)
	}
	if c.UserError != "" {
		text += ": " + line(c.UserError)
	}
	return text
}

// commandText shows where each word of a command begins and ends.
func commandText(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = line(w)
		if w == "" || strings.ContainsAny(w, " \t\"'") {
			quoted[i] = fmt.Sprintf("%q", quoted[i])
		}
	}
	return strings.Join(quoted, " ")
}

func size(bytes int64) string { return humanize.IBytes(uint64(max(0, bytes))) }

// severities are the words of severity from least to most; the place of a word is
// what it sorts by.
var severities = []string{
	sbom.SeverityUnknown, sbom.SeverityNegligible, sbom.SeverityLow, sbom.SeverityMedium, sbom.SeverityHigh, sbom.SeverityCritical,
}

func (view *platformView) addVulnerabilities(r gate.Result, p policy.Platform) {
	outcome := map[[2]string]policy.Outcome{} // by id and package
	for _, f := range r.Findings {
		if f.Vulnerability == "" || f.Platform != p.Name {
			continue
		}
		key := [2]string{line(f.Vulnerability), line(f.Package)}
		if known, ok := outcome[key]; !ok || rank(f.Outcome) < rank(known) {
			outcome[key] = outcomeOf(f)
		}
	}
	for _, v := range p.Vulnerabilities {
		row := newVulnerability(v)
		if o, ok := outcome[[2]string{row.ID, row.Package}]; ok {
			row.Outcome, row.Decisive = string(o), true
		}
		view.Vulnerabilities = append(view.Vulnerabilities, row)
		if !slices.Contains(view.Severities, row.Severity) {
			view.Severities = append(view.Severities, row.Severity)
		}
	}
	// The worst first: what the policy acts on, then by score.
	slices.SortStableFunc(view.Vulnerabilities, func(a, b vulnerabilityView) int {
		switch {
		case a.Decisive != b.Decisive && a.Decisive, a.Decisive == b.Decisive && a.ScoreValue > b.ScoreValue:
			return -1
		case a.Decisive == b.Decisive && a.ScoreValue == b.ScoreValue:
			return 0
		}
		return 1
	})
	slices.SortFunc(view.Severities, func(a, b string) int { return slices.Index(severities, b) - slices.Index(severities, a) })
}

func newVulnerability(v sbom.Vulnerability) vulnerabilityView {
	row := vulnerabilityView{
		ID: line(v.ID), Aliases: line(strings.Join(v.Aliases, ", ")), Description: clip(line(v.Description), 600), KEV: v.KEV,
		Package: line(v.Package), Type: line(v.Type), Version: line(v.Version), Paths: line(strings.Join(v.Paths, ", ")),
		Severity: line(v.Severity), SeverityRank: slices.Index(severities, v.Severity),
		Score: score(v), ScoreValue: -1, EPSSValue: -1, Fixed: fixed(v),
	}
	if row.SeverityRank >= 0 {
		row.SeverityClass = v.Severity
	}
	if address, ok := webAddress(v.DataSource); ok {
		row.Link = address
	}
	if v.CVSS != nil {
		row.ScoreValue = *v.CVSS
		row.Vector = line(strings.TrimSpace(v.ScoreSource + " " + v.Vector))
	}
	if v.EPSS != nil {
		row.EPSS, row.EPSSValue = fmt.Sprintf("%.1f%%", *v.EPSS*100), *v.EPSS
	}
	return row
}

func fixed(v sbom.Vulnerability) string {
	switch {
	case len(v.FixedIn) > 0:
		return line(strings.Join(v.FixedIn, ", "))
	case v.FixState == sbom.FixWontFix:
		return "will not be"
	case v.FixState == sbom.FixNotFixed:
		return "not yet"
	}
	return ""
}

func (view *platformView) addPackages(p policy.Platform) {
	vulnerable := map[[3]string]int{}
	for _, v := range p.Vulnerabilities {
		vulnerable[[3]string{v.Type, v.Package, v.Version}]++
	}
	for _, pkg := range p.Packages {
		row := packageView{
			Name: line(pkg.Name), Version: line(pkg.Version), Type: line(pkg.Type), PURL: line(pkg.PURL),
			Vulnerabilities: vulnerable[[3]string{pkg.Type, pkg.Name, pkg.Version}],
		}
		if len(pkg.Paths) > 0 {
			row.Path = line(pkg.Paths[0])
		}
		view.Packages = append(view.Packages, row)
		if !slices.Contains(view.Types, row.Type) {
			view.Types = append(view.Types, row.Type)
		}
	}
	slices.Sort(view.Types)
	for _, gap := range p.Gaps {
		view.Gaps = append(view.Gaps, line(gap))
	}
}
