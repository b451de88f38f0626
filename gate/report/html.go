package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"io"
	"slices"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

//go:embed page
var pageFiles embed.FS

// The page is one file: its style and script are in it, and its Content Security
// Policy lets nothing run, load or be sent but those two, which it knows by hash.
// So hostile text that got past every escape would still be inert.
var (
	pageStyle    = template.CSS(pageFile("page.css")) //nolint:gosec // our own file
	pageScript   = template.JS(pageFile("page.js"))   //nolint:gosec // our own file
	pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{"short": short}).ParseFS(pageFiles, "page/page.html"))
	pagePolicy   = PagePolicy(string(pageStyle), string(pageScript))
)

func pageFile(name string) string {
	data, err := pageFiles.ReadFile("page/" + name)
	if err != nil {
		panic(err) // it is part of the program
	}
	return string(data)
}

// cspHash is the source expression for an inline element (CSP Level 3, 2.3.1).
func cspHash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// HTML writes the report as one page that needs no network and no other file: for
// each image the verdict first, then why, then its signatures, what it runs, its
// layers and directories as pictures, and its vulnerabilities and packages as
// tables that can be sorted and filtered.
func HTML(w io.Writer, r gate.Report, _ Options) error {
	var b bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&b, "page", newPage(r)); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// The page, in the words of the template. All text is cleaned by line here and
// escaped by the template.
type (
	pageView struct {
		Policy     string // of content security
		Style      template.CSS
		Script     template.JS
		Title      string
		Heading    string
		Tool       gate.Tool
		PolicyName string
		PolicyHash string
		TrustRoot  string
		Database   *timeView
		Images     []imageView
	}
	timeView struct{ Machine, Human string }

	verdictView struct {
		Class, Word, Meaning string
		Sign                 string // path of the icon
	}
	imageView struct {
		ID            string
		Verdict       verdictView
		Reference     string
		Digest        string
		Stage         string
		JudgedAt      *timeView
		Tally         string
		Reasons       []reasonView
		Rest          []restView
		RestTitle     string
		Signatures    []signatureView
		NoSignature   string
		Rejected      []rejectedView
		RejectedTitle string
		Platforms     []platformView
	}
)

func newPage(r gate.Report) pageView {
	heading := "Image verdict: " + word(r.Decision())
	if len(r.Results) != 1 {
		heading = "Image verdicts: " + word(r.Decision())
	}
	page := pageView{
		Policy: pagePolicy, Style: pageStyle, Script: pageScript,
		Title: heading, Heading: heading,
		Tool:       gate.Tool{Name: line(r.Tool.Name), Version: line(r.Tool.Version)},
		PolicyName: line(r.Policy.Name), PolicyHash: line(r.Policy.Hash),
	}
	if len(r.Results) == 1 {
		page.Title += ": " + line(r.Results[0].Reference)
	}
	if r.Database != nil {
		page.Database = newTime(&r.Database.Built)
	}
	if r.TrustRoot != nil {
		page.TrustRoot = line(r.TrustRoot.Hash)
	}
	rules := rulesOf(r)
	for i, result := range r.Results {
		page.Images = append(page.Images, newImage(rules, i, result))
	}
	return page
}

func newImage(rules rulebook, i int, r gate.Result) imageView {
	image := imageView{
		ID:        pageID("image", i),
		Verdict:   newVerdict(r.Verdict),
		Reference: line(r.Reference),
		Digest:    line(r.Digest),
		Stage:     line(string(r.Stage)),
		Tally:     tally(r.Findings),
	}
	if !r.JudgedAt.IsZero() {
		image.JudgedAt = newTime(&r.JudgedAt)
	}
	image.explain(rules, r)
	image.sign(r)
	for j, p := range r.Platforms {
		image.Platforms = append(image.Platforms, newPlatform(pageID(image.ID+"-platform", j), r, p))
	}
	return image
}

func newVerdict(d policy.Decision) verdictView {
	switch d {
	case policy.Allow:
		return verdictView{"allow", "Allowed", "This image may run.", "M3 8.5 6.5 12 13 4.5"}
	case policy.Deny:
		return verdictView{"deny", "Denied", "This image may not run.", "M4 4 12 12M12 4 4 12"}
	default:
		return verdictView{"undecided", "Undecided", "Whether this image may run could not be judged.", "M5 5.5a3 3 0 1 1 4.5 2.6C8.4 8.8 8 9.3 8 10.2M8 13v.1"}
	}
}

func word(d policy.Decision) string {
	switch d {
	case policy.Allow:
		return "allowed"
	case policy.Deny:
		return "denied"
	default:
		return "undecided"
	}
}

// steps are the steps of a platform image in their order.
var steps = []policy.Step{policy.StepConfig, policy.StepFiles, policy.StepSBOM, policy.StepVulnerabilities}

// failedSteps are the steps that failed, of those that are named.
func failedSteps(have map[policy.Step]policy.Status, names []policy.Step) []brokenView {
	var list []brokenView
	for _, name := range names {
		if s := have[name]; s.State == policy.Failed {
			list = append(list, brokenView{string(name), line(s.Error)})
		}
	}
	// One reason is told once, though every later step waited for it.
	return slices.CompactFunc(list, func(a, b brokenView) bool { return a.Error == b.Error })
}
