package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	goldmarkhtml "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/report"
)

// hostileTexts are what the formats must not take for anything but text.
var hostileTexts = []string{
	hostile,
	"]]></failure><testcase name='verdict'/>",
	"</script><script>alert(1)</script>",
	"</style></title><img src=x onerror=alert(1)>",
	`" onmouseover="alert(1)" x="`,
	"javascript:alert(1)",
	"https://example.com/?q=<b> www.example.com mailto:a@example.com a@example.com",
	"![x](https://example.com/x.png) [x]: https://example.com <https://example.com> [x][x]",
	"a | b | c\n|---|\n",
	"# title\n\n- list\n\n    code\n```\nfence",
	"***bold*** __under__ ~~gone~~ ==mark== $x^2$ :tada: @team #12 !3",
	"\\` \\| \\\\` `` ` &lt;b&gt; &#60;b&#62;",
	"::stop-commands::x",
	"a ::set-output name=x::y ##[set-output name=x;]y ##vso[task.setvariable variable=x]y ##teamcity[buildProblem]",
	"%0A::error::x %25 \r\n::error::x",
	"\xff\xfe\x00\u0085\u2028\u2029\ufeff\ufffe\uffff\U000e0001\x1b]8;;https://example.com\x07link",
	"{{.Policy}} {0} ${x} <%= x %>",
	"'; DROP TABLE images; --",
	strings.Repeat("[", 200),
	strings.Repeat("*a_", 100),
	"=1+1",
	"   \t ",
	"1. one",
	"---",
	"- [ ] task",
}

// plain is ordinary text in the place of hostile text.
const plain = "ordinary text"

// filled is the sample with texts in turn in every field that an image, a registry
// or a database fills: wherever a string is free.
func filled(texts ...string) gate.Report {
	r := sample()
	i := 0
	fill(reflect.ValueOf(&r).Elem(), func() string {
		i++
		return texts[i%len(texts)]
	})
	return r
}

// fill sets every string of a value, except those whose words have a meaning:
// outcomes, states and the like, which are types of their own.
func fill(v reflect.Value, next func() string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && v.Type() != reflect.TypeFor[*time.Time]() {
			fill(v.Elem(), next)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			// An address is a link if it is one: TestLinks.
			if name := v.Type().Field(i).Name; v.Type() != reflect.TypeFor[time.Time]() && name != "DataSource" {
				fill(v.Field(i), next)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() && v.String() != "" {
			v.SetString(next())
		}
	}
}

// skeletons are what a reader of each format sees besides text. They parse as
// strictly as the readers do.
var skeletons = map[string]func(string) (string, error){
	"text": lines, "github": commands, "junit": elements, "json": keys, "sarif": keys, "gitlab": keys,
	"markdown": rendered, "github-summary": rendered, "html": tags,
}

// checkStructure holds a format to its promise: whatever an image says, the report
// has the structure that is wanted, which is the one with ordinary text.
func checkStructure(t testing.TB, format, want, text string) {
	t.Helper()
	if strings.TrimSpace(text) == "" {
		return // nothing is told apart from something, on purpose
	}
	skeleton := skeletons[format]
	out := written(t, format, filled(text))
	got, err := skeleton(out)
	require.NoError(t, err, "%s of %q", format, text)
	require.Equal(t, want, got, "%s of %q", format, text)
	checkLog(t, format, out)
}

// checkLog holds every format to what may be in the log of a build.
func checkLog(t testing.TB, format, out string) {
	t.Helper()
	for _, mark := range []string{"##[", "##vso[", "##teamcity["} {
		require.NotContains(t, out, mark, format)
	}
	for l := range strings.Lines(out) {
		if format != "github" {
			require.False(t, strings.HasPrefix(strings.TrimLeftFunc(l, unicode.IsSpace), "::"), "%s begins a line with a command: %q", format, l)
		}
		for _, r := range strings.TrimSuffix(l, "\n") {
			require.False(t, unicode.Is(unicode.Cc, r) || r == '\u202e' || r == '\u2028', "%s lets %U through: %q", format, r, l)
		}
	}
}

func FuzzHostileText(f *testing.F) {
	for _, text := range hostileTexts {
		for i := range report.Formats() {
			f.Add(text, uint8(i))
		}
	}
	want := map[string]string{}
	for _, format := range report.Formats() {
		require.Contains(f, skeletons, format, "every format is held to its structure")
		skeleton, err := skeletons[format](written(f, format, filled(plain)))
		require.NoError(f, err)
		want[format] = skeleton
	}
	f.Fuzz(func(t *testing.T, text string, i uint8) {
		text = text[:min(len(text), 1000)] // many fields have it
		format := report.Formats()[int(i)%len(report.Formats())]
		checkStructure(t, format, want[format], text)
	})
}

func TestLinksAreToWebPagesOnly(t *testing.T) {
	t.Parallel()
	for address, link := range map[string]bool{
		"https://example.com/CVE?a=b&c=\"": true, "http://example.com/CVE": true,
		"javascript:alert(1)": false, "data:text/html,x": false, "file:///etc/passwd": false, "//example.com": false, "": false,
		"https://user@example.com/": false, "https://": false, "https://example.com/\n": false, "https://example.com/\u202e": false,
	} {
		r := sample()
		r.Results[0].Platforms[0].Vulnerabilities = r.Results[0].Platforms[0].Vulnerabilities[:1]
		r.Results[0].Platforms[0].Vulnerabilities[0].DataSource = address
		assert.Equal(t, link, strings.Contains(written(t, "html", r), `rel="noopener`), address)
		assert.Equal(t, link, strings.Contains(written(t, "gitlab", r), `"links"`), address)
	}
}

// lines are the headings of the text report: wrapping moves everything else.
func lines(out string) (string, error) {
	var b strings.Builder
	for l := range strings.Lines(out) {
		if strings.HasPrefix(l, "   ") || strings.HasPrefix(l, "  ·") {
			continue
		}
		word, _, _ := strings.Cut(strings.TrimLeft(l, " "), " ")
		if slices.Contains([]string{"DENIED", "ALLOWED", "UNDECIDED", "FAIL", "WARN", "passed:", "skipped:"}, word) {
			b.WriteString(word + "\n")
		}
	}
	return b.String(), nil
}

func commands(out string) (string, error) {
	var b strings.Builder
	for l := range strings.Lines(out) {
		name, rest, ok := strings.Cut(strings.TrimPrefix(l, "::"), " title=")
		title, _, titled := strings.Cut(rest, "::")
		if !ok || !titled || strings.ContainsAny(title, ":,\r") || strings.Contains(l, "\r") {
			return "", fmt.Errorf("%q is no command", l)
		}
		b.WriteString(name + "\n")
	}
	return b.String(), nil
}

// elements are those of XML 1.0 with the names of their attributes.
func elements(out string) (string, error) {
	var b strings.Builder
	d := xml.NewDecoder(strings.NewReader(out))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		if e, ok := token.(xml.StartElement); ok {
			b.WriteString(e.Name.Local)
			for _, a := range e.Attr {
				b.WriteString(" " + a.Name.Local)
			}
			b.WriteString("\n")
		}
	}
}

// keys are the names in JSON, in their order.
func keys(out string) (string, error) {
	var v any
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		return "", err
	}
	var b strings.Builder
	shape(&b, v)
	return b.String(), nil
}

func shape(b *strings.Builder, v any) {
	switch v := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			b.WriteString("{" + name)
			shape(b, v[name])
			b.WriteString("}")
		}
	case []any:
		for _, item := range v {
			b.WriteString("[")
			shape(b, item)
			b.WriteString("]")
		}
	}
}

// rendered are the elements of a page that GitHub's dialect of Markdown makes.
func rendered(out string) (string, error) {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote), goldmark.WithRendererOptions(goldmarkhtml.WithUnsafe()))
	var page bytes.Buffer
	if err := md.Convert([]byte(out), &page); err != nil {
		return "", err
	}
	// A digest is shown as code if it is one.
	text := strings.NewReplacer("<code>", "", "</code>", "").Replace(page.String())
	return tags(text)
}

// tags are the elements of a page with the names of their attributes. The text of
// links and identifiers is not looked at: links are to addresses only.
func tags(out string) (string, error) {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(out))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				return "", z.Err()
			}
			return b.String(), nil
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			token := z.Token()
			b.WriteString(token.Data)
			for _, a := range token.Attr {
				if a.Key == "href" && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "https://") && a.Val != "data:," {
					return "", fmt.Errorf("a link to %q", a.Val)
				}
				b.WriteString(" " + a.Key)
			}
			b.WriteString("\n")
		case html.CommentToken:
			b.WriteString("comment\n")
		}
	}
}
