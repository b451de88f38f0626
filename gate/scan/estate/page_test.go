package estate_test

import (
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"golang.org/x/net/html"

	"github.com/imagegate/imagegate/gate/gatetest/browser"
	"github.com/imagegate/imagegate/gate/scan/estate"
)

// screenshots is where TestScreenshots leaves its pictures, for people to look at.
var screenshots = flag.String("screenshots", "", "write screenshots of the estate page to this directory")

// hostileTexts are what no format may take for anything but text.
var hostileTexts = []string{
	"</script><script>window.attacked = 1</script>", "<img src=x onerror='window.attacked = 2'>", `"><b>`, "<!--", "]]>", "{{.Policy}}",
	"\x1b[31m\r\n\u2028\u202e\xff", "=HYPERLINK(\"https://example.com\")", "| a | b |\n|---|---|", "[x](javascript:alert(1)) ![y](z)",
	"\"} 1\nimagegate_scan_images 1", "\\", "# title @team #1", "+1", "constructor", "__proto__",
}

// filled is the sample with hostile text in every field that is free.
func filled(texts ...string) estate.Summary {
	s := summary()
	i := 0
	fill(reflect.ValueOf(&s).Elem(), func() string { i++; return texts[i%len(texts)] })
	return s
}

func fill(v reflect.Value, next func() string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), next)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type() != reflect.TypeFor[time.Time]() && v.Type().Field(i).Name != "Change" {
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

// tags are the elements of a page and the attributes that are not text.
func tags(t *testing.T, page string) (list []string) {
	t.Helper()
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return list
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			list = append(list, "<"+token.Data)
			for _, a := range token.Attr {
				list = append(list, a.Key)
			}
		case html.EndTagToken:
			list = append(list, "</"+z.Token().Data)
		}
	}
}

func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	for _, text := range hostileTexts {
		for name, skeleton := range map[string]func(estate.Summary) any{
			"html": func(s estate.Summary) any { return tags(t, written(t, estate.HTML, s)) },
			"csv": func(s estate.Summary) any {
				rows, err := csv.NewReader(strings.NewReader(written(t, estate.CSV, s))).ReadAll()
				require.NoError(t, err)
				for _, row := range rows {
					for _, cell := range row {
						require.NotContains(t, cell, "\n")
						require.False(t, cell != "" && strings.ContainsAny(cell[:1], "=+-@"), cell)
					}
				}
				return len(rows)
			},
			"markdown": func(s estate.Summary) any {
				var b strings.Builder
				require.NoError(t, goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte(written(t, estate.Markdown, s)), &b))
				var list []string
				for _, tag := range tags(t, b.String()) {
					if tag != "<code" && tag != "</code" { // only what needs no escape is code
						list = append(list, tag)
					}
				}
				return list
			},
			"prometheus": func(s estate.Summary) any {
				parser := expfmt.NewTextParser(model.UTF8Validation)
				families, err := parser.TextToMetricFamilies(strings.NewReader(written(t, estate.Prometheus, s)))
				require.NoError(t, err)
				return len(families["imagegate_scan_images"].Metric)
			},
		} {
			require.Equal(t, skeleton(filled("ordinary")), skeleton(filled(text)), "%s with %q", name, text)
		}
	}
}

// shown are the texts of one column of the rows that are drawn.
func shown(c *browser.Browser, column string) []string {
	return browser.Eval[[]string](c, `(() => { if ('`+column+`' === 'name') return Array.from(document.querySelectorAll('#table tbody tr[data-place] th'), (r) => r.title);
		const at = Array.from(document.querySelectorAll('#table thead th')).findIndex((h) => h.dataset.column === '`+column+`');
		return Array.from(document.querySelectorAll('#table tbody tr[data-place]'), (r) => r.cells[at].textContent); })()`)
}

const status = `document.querySelector('#filter [role=status]').textContent`

func set(c *browser.Browser, field, value string) {
	browser.Eval[any](c, `{ const f = document.getElementById('filter').elements['`+field+`']; if (f.type === 'checkbox') f.checked = `+value+` === 1; else f.value = `+value+`;
		f.dispatchEvent(new Event('input', {bubbles: true})); }`)
	c.Settle()
}

func TestPageSortsAndFilters(t *testing.T) {
	c := browser.Start(t)
	c.Look(1280, 900, "light")
	for _, address := range c.Open(written(t, estate.HTML, summary())) {
		assert.Regexp(t, `^(file:///.*/report\.html|data:,)$`, address, "the page asks for nothing but itself")
	}
	require.Equal(t, "10 images", browser.Eval[string](c, status))
	require.Equal(t, "registry.example.com/shop/api:1", shown(c, "name")[0], "the worst first")

	c.Click(`#table th[data-column=name] button`)
	require.Equal(t, "registry.example.com/base/debian:12", shown(c, "name")[0])
	c.Click(`#table th[data-column=name] button`)
	require.Equal(t, "registry.example.com/shop/web:1", shown(c, "name")[0])

	set(c, "verdict", `"u"`)
	require.Equal(t, "1 of 10 images", browser.Eval[string](c, status))
	set(c, "verdict", `""`)
	set(c, "kev", "1")
	require.Equal(t, []string{"registry.example.com/shop/api:1"}, shown(c, "name"))
	set(c, "kev", "0")
	set(c, "changed", "1")
	require.Equal(t, "9 of 10 images", browser.Eval[string](c, status))
	set(c, "changed", "0")
	set(c, "text", `"SHOP curl"`)
	require.Len(t, shown(c, "name"), 2, "every word is found in names or reasons")
	set(c, "text", `""`)

	c.Click(`[data-rule="config.nonRoot"] button`)
	require.Equal(t, []string{"registry.example.com/shop/root:1"}, shown(c, "name"), "a reason leads to its images")
	set(c, "rule", `""`)

	browser.Eval[any](c, `document.getElementById('table').focus({preventScroll: true})`)
	c.Press("End", 35)
	c.Press("ArrowUp", 38)
	require.Equal(t, "row-8", browser.Eval[string](c, `document.getElementById('table').getAttribute('aria-activedescendant')`))
	require.Equal(t, shown(c, "name")[8], browser.Eval[string](c, `document.querySelector('#detail h3').textContent`))
	c.Click(`#row-0`)
	require.Contains(t, browser.Eval[string](c, `document.querySelector('#detail').textContent`), shown(c, "name")[0])
	require.Empty(t, c.Complaints())
}

// TestPageTakesAHundredThousandImages holds the page to what makes it quick: only
// the rows in sight exist, and whatever is done to it, it answers between two
// frames of its own (no test of time: each step waits for the frame after it).
func TestPageTakesAHundredThousandImages(t *testing.T) {
	c := browser.Start(t)
	c.Look(1280, 900, "light")
	const n = 100_000
	page := written(t, estate.HTML, many(n).Summary(estate.Options{Now: day}))
	t.Logf("the page has %d bytes", len(page))
	c.Open(page)
	require.Equal(t, "100,000 images", browser.Eval[string](c, status))
	few := func() { require.Less(t, browser.Eval[int](c, `document.querySelectorAll('*').length`), 2000) }
	few()

	c.Click(`#table th[data-column=bytes] button`)
	require.Equal(t, "team-89/app-108:1.99999", strings.TrimPrefix(shown(c, "name")[0], "registry.example.com/"))
	browser.Eval[any](c, `document.getElementById('table').focus({preventScroll: true})`)
	c.Press("End", 35)
	require.Equal(t, "row-99999", browser.Eval[string](c, `document.getElementById('table').getAttribute('aria-activedescendant')`))
	few()
	set(c, "text", `"app-7:1.7 team-7"`)
	require.Equal(t, []string{"registry.example.com/team-7/app-7:1.7"}, shown(c, "name")[:1])
	set(c, "text", `""`)
	set(c, "verdict", `"d"`)
	require.Equal(t, "33,333 of 100,000 images", browser.Eval[string](c, status))
	few()
	// A frame is drawn in bounded time whatever is scrolled to.
	longest := browser.Eval[float64](c, `new Promise((done) => { const s = document.getElementById('scroll'); let frames = 0, last = performance.now(), longest = 0;
		const step = (now) => { longest = Math.max(longest, now - last); last = now; if (++frames > 60) return done(longest); s.scrollTop = s.scrollHeight * frames / 60; requestAnimationFrame(step); };
		requestAnimationFrame(step); })`)
	t.Logf("the longest of 60 frames took %.0f ms", longest)
	few()
	require.Empty(t, c.Complaints())
}

func TestPageShowsHostileTextAsText(t *testing.T) {
	c := browser.Start(t)
	c.Open(written(t, estate.HTML, filled(hostileTexts...)))
	browser.Eval[any](c, `document.getElementById('table').focus({preventScroll: true})`)
	for range 10 {
		c.Press("ArrowDown", 40)
	}
	assert.True(t, browser.Eval[bool](c, `window.attacked === undefined`))
	assert.Equal(t, 1, browser.Eval[int](c, `document.scripts.length`))
	assert.Zero(t, browser.Eval[int](c, `document.querySelectorAll('img, iframe, object, embed, [onerror]').length`))
	assert.Empty(t, c.Complaints(), "nothing was run, and nothing had to be stopped")
}

func TestPageIsWellFormedForReaders(t *testing.T) {
	c := browser.Start(t)
	c.Open(written(t, estate.HTML, summary()))
	for what, expression := range map[string]string{
		"one heading of the first level":   `document.querySelectorAll('h1').length === 1`,
		"no identifier twice":              `new Set(Array.from(document.querySelectorAll('[id]'), (e) => e.id)).size === document.querySelectorAll('[id]').length`,
		"every label has its target":       `Array.from(document.querySelectorAll('[aria-labelledby]')).every((e) => document.getElementById(e.getAttribute('aria-labelledby')))`,
		"every field has a label":          `Array.from(document.querySelectorAll('input, select')).every((e) => e.labels.length === 1)`,
		"every head of a table has scope":  `Array.from(document.querySelectorAll('th')).every((e) => e.scope === 'col' || e.scope === 'row')`,
		"every drawing is named or hidden": `Array.from(document.querySelectorAll('svg')).every((e) => e.closest('[aria-hidden=true]'))`,
	} {
		assert.True(t, browser.Eval[bool](c, expression), what)
	}
}

// TestScreenshots takes pictures for people to look at.
func TestScreenshots(t *testing.T) {
	dir := *screenshots
	if dir == "" {
		dir = t.TempDir()
	}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	c := browser.Start(t)
	page := written(t, estate.HTML, summary())
	for name, look := range map[string]struct {
		width, height int
		scheme        string
	}{"light": {1280, 1100, "light"}, "dark": {1280, 1100, "dark"}, "narrow": {390, 900, "light"}} {
		c.Look(look.width, look.height, look.scheme)
		c.Open(page)
		c.Screenshot(filepath.Join(dir, name+".png"))
		browser.Eval[any](c, `document.getElementById('table').focus({preventScroll: true})`)
		c.Press("ArrowDown", 40)
		browser.Eval[any](c, `document.getElementById('images').scrollIntoView({block: 'start', behavior: 'instant'})`)
		c.Settle()
		c.Screenshot(filepath.Join(dir, name+"-images.png"))
		assert.LessOrEqual(t, browser.Eval[int](c, `document.documentElement.scrollWidth`), look.width, "%s scrolls sideways", name)
	}
	assert.Empty(t, c.Complaints())
}
