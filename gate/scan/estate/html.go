package estate

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/policy"
)

//go:embed page
var pageFiles embed.FS

// The page is one file, like the report on one image, and as closed: see
// report.PagePolicy. The images are data in it, which its script shows a window
// of; what matters most is there without the script.
var (
	pageStyle    = template.CSS(report.PageStyle() + pageFile("estate.css")) //nolint:gosec // our own files
	pageScript   = template.JS(pageFile("estate.js"))                        //nolint:gosec // our own file
	pageTemplate = template.Must(template.New("estate.html").Funcs(template.FuncMap{
		"short": shortDigest, "thousands": thousands, "date": date, "line": line, "word": word, "add": func(a, b int) int { return a + b },
	}).ParseFS(pageFiles, "page/estate.html"))
)

// maxPage is how many images a page shows, the worst ones: beyond that it would be
// too large for a browser. It says how many it leaves out.
const maxPage = 250_000

func pageFile(name string) string {
	data, err := pageFiles.ReadFile("page/" + name)
	if err != nil {
		panic(err) // it is part of the program
	}
	return string(data)
}

// HTML writes the estate as one page that needs no network and no other file: what
// is allowed and what not, why, what to mend first, exceptions, changes, and a
// table of all images that can be sorted, filtered and walked through by keyboard.
func HTML(w io.Writer, s Summary, tool string) error {
	data, err := json.Marshal(newData(s.All[:min(len(s.All), maxPage)]))
	if err != nil {
		return err
	}
	page := pageView{
		Summary: s, Tool: line(tool), Style: pageStyle, Script: pageScript,
		Policy: report.PagePolicy(string(pageStyle), string(pageScript)),
		// json.Marshal escapes <, > and &, so nothing in the data ends its element.
		Data:    template.JS(data), //nolint:gosec // see above
		LeftOut: len(s.All) - min(len(s.All), maxPage),
		Verdicts: []verdictView{
			newVerdict(policy.Allow, s.Allowed, s.Images), newVerdict(policy.Deny, s.Denied, s.Images), newVerdict(policy.NotDecidable, s.Undecided, s.Images),
		},
	}
	page.view()
	var b bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&b, "page", page); err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}

// pageView is the page in the words of the template. Text is cleaned by line and
// escaped by the template.
type (
	pageView struct {
		Summary  Summary
		Tool     string
		Policy   string // of content security
		Style    template.CSS
		Script   template.JS
		Data     template.JS
		LeftOut  int
		Verdicts []verdictView
		Fixes    []fixView
		Changes  []ChangedName
		Moved    string
		Pulled   string
		Saved    string
	}
	verdictView struct {
		Class, Word, Count, Share string
		X, Width                  string // of the bar, in thousandths
	}
	fixView struct {
		Title, Effect, Detail string
		KEV                   bool
	}
)

// maxShown is how many changes the page lists.
const maxShown = 100

func (p *pageView) view() {
	x := 0.0
	for i := range p.Verdicts {
		v := &p.Verdicts[i]
		v.X = fmt.Sprintf("%.2f", x)
		width := float64([]int{p.Summary.Allowed, p.Summary.Denied, p.Summary.Undecided}[i]) / float64(max(1, p.Summary.Images)) * 1000
		v.Width = fmt.Sprintf("%.2f", width)
		x += width
	}
	for _, f := range p.Summary.Fixes {
		view := fixView{Title: line(f.title()), Effect: f.effect(), KEV: f.KEV}
		view.Detail = joined(f.Examples, ", ")
		p.Fixes = append(p.Fixes, view)
	}
	if c := p.Summary.Changes; c != nil {
		p.Changes = c.List[:min(len(c.List), maxShown)]
		p.Moved = fmt.Sprintf("%s worse, %s better, %s new, %s gone, %s as before",
			thousands(c.Worse), thousands(c.Better), thousands(c.New), thousands(c.Gone), thousands(c.Same))
	}
	p.Pulled, p.Saved = report.Size(p.Summary.PulledBytes), report.Size(p.Summary.SavedBytes)
}

func newVerdict(d policy.Decision, n, all int) verdictView {
	return verdictView{Class: verdictClass(d), Word: word(d), Count: thousands(n), Share: percent(n, all)}
}

func verdictClass(d policy.Decision) string {
	switch d {
	case policy.Allow:
		return "allow"
	case policy.Deny:
		return "deny"
	}
	return "undecided"
}

// pageData is the images by column, so that a hundred thousand of them are a few
// arrays. Texts that many images share are told once and named by number.
type pageData struct {
	Texts    []string `json:"texts"`
	Names    []string `json:"names"`    // the first of each
	Others   []string `json:"others"`   // the rest, by line; mostly empty
	More     []int    `json:"more"`     // how many names the record left out
	Digests  []string `json:"digests"`  // without "sha256:"
	Verdicts string   `json:"verdicts"` // one letter each: a, d or u
	Changes  string   `json:"changes"`  // one letter each: n, w, b or a dash
	Rules    [][]int  `json:"rules"`    // by Texts
	Reasons  []int    `json:"reasons"`  // by Texts
	Remedies []int    `json:"remedies"` // by Texts
	Places   []int    `json:"places"`   // platforms, by Texts
	Critical []int    `json:"critical"`
	High     []int    `json:"high"`
	KEV      []int    `json:"kev"`
	Bytes    []int64  `json:"bytes"`
	Judged   []int64  `json:"judged"` // seconds since 1970
}

func newData(all []Image) pageData {
	d := pageData{Texts: []string{""}, Names: []string{}}
	at := map[string]int{"": 0}
	text := func(s string) int {
		s = line(s)
		i, ok := at[s]
		if !ok {
			i = len(d.Texts)
			at[s] = i
			d.Texts = append(d.Texts, s)
		}
		return i
	}
	verdicts, changes := make([]byte, len(all)), make([]byte, len(all))
	for n, i := range all {
		verdicts[n], changes[n] = letter(verdictClass(i.Verdict)), letter(string(i.Change))
		d.Names = append(d.Names, line(inNamespace(i.Names[0], i.Namespace)))
		d.Others = append(d.Others, joined(i.Names[1:], "\n"))
		d.More = append(d.More, i.MoreNames)
		d.Digests = append(d.Digests, bare(i.Digest))
		rules := make([]int, len(i.Rules))
		for j, rule := range i.Rules {
			rules[j] = text(rule)
		}
		d.Rules = append(d.Rules, rules)
		d.Reasons, d.Remedies = append(d.Reasons, text(i.Reason)), append(d.Remedies, text(i.Remedy))
		d.Places = append(d.Places, text(joined(i.Platforms, ", ")))
		d.Critical, d.High, d.KEV = append(d.Critical, i.Critical), append(d.High, i.High), append(d.KEV, i.Exploited)
		d.Bytes, d.Judged = append(d.Bytes, i.CompressedBytes), append(d.Judged, i.JudgedAt.Unix())
	}
	d.Verdicts, d.Changes = string(verdicts), string(changes)
	return d
}

func letter(word string) byte {
	if word == "" {
		return '-'
	}
	return word[0]
}

// joined are cleaned texts in one.
func joined(list []string, between string) string {
	clean := make([]string, len(list))
	for i, s := range list {
		clean[i] = line(s)
	}
	return strings.Join(clean, between)
}

// bare is a digest without the algorithm that all have.
func bare(digest string) string { return strings.TrimPrefix(digest, "sha256:") }
