package report_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/gatetest/browser"
	"github.com/imagegate/imagegate/policy"
)

// screenshots is where TestScreenshots leaves its pictures, for people to look at.
var screenshots = flag.String("screenshots", "", "write screenshots of the HTML report to this directory")

const (
	vulnerabilityTable = `#image-1-platform-1-vulnerability-table`
	packageTable       = `#image-1-platform-1-package-table`
)

// column returns the texts of a table's visible cells.
func column(c *browser.Browser, table, selector string) []string {
	return browser.Eval[[]string](c, `Array.from(document.querySelectorAll('`+table+` tbody tr:not([hidden]) `+selector+`'), (e) => e.textContent.trim())`)
}

func TestPageSortsAndFilters(t *testing.T) {
	c := browser.Start(t)
	c.Look(1280, 900, "light")
	asked := c.Open(written(t, "html", sample()))
	for _, address := range asked {
		assert.Regexp(t, `^(file:///.*/report\.html|data:,)$`, address, "the page asks for nothing but itself")
	}

	t.Run("a click sorts, another one turns it round", func(t *testing.T) {
		head := packageTable + ` thead th:first-child`
		c.Click(head + " button")
		assert.Equal(t, "ascending", browser.Eval[string](c, `document.querySelector('`+head+`').ariaSort`))
		names := column(c, packageTable, "th")
		require.Len(t, names, 3)
		assert.Equal(t, []string{"curl", "zlib1g"}, names[1:])
		c.Click(head + " button")
		assert.Equal(t, "descending", browser.Eval[string](c, `document.querySelector('`+head+`').ariaSort`))
		assert.Equal(t, "zlib1g", column(c, packageTable, "th")[0])
	})

	t.Run("numbers sort as numbers, and what has none comes last", func(t *testing.T) {
		head := vulnerabilityTable + ` thead th:nth-child(5)`
		c.Click(head + " button")
		assert.Equal(t, "descending", browser.Eval[string](c, `document.querySelector('`+head+`').ariaSort`))
		scores := column(c, vulnerabilityTable, "td:nth-child(5)")
		assert.Equal(t, "–", scores[len(scores)-1])
		c.Click(head + " button")
		scores = column(c, vulnerabilityTable, "td:nth-child(5)")
		assert.Equal(t, "–", scores[len(scores)-1])
	})

	t.Run("text filters, and says how much it leaves", func(t *testing.T) {
		c.Click(`form[data-for="image-1-platform-1-vulnerability-table"] input[type=search]`)
		c.Write("CURL 38545")
		assert.Len(t, column(c, vulnerabilityTable, "td:nth-child(2)"), 1)
		status := `document.querySelector('form[data-for="image-1-platform-1-vulnerability-table"] [role=status]').textContent`
		assert.Equal(t, "1 of 13 shown", browser.Eval[string](c, status))
		browser.Eval[any](c, `document.activeElement.select()`)
		c.Press("Delete", 46)
		assert.Equal(t, "13 shown", browser.Eval[string](c, status))
	})

	t.Run("a word and a mark filter", func(t *testing.T) {
		c.Click(`form[data-for="image-1-platform-1-vulnerability-table"] input[type=checkbox]`)
		assert.Len(t, column(c, vulnerabilityTable, "td:nth-child(2)"), 12)
		c.Click(`form[data-for="image-1-platform-1-vulnerability-table"] input[type=checkbox]`)
		browser.Eval[any](c, `{ const s = document.querySelector('form[data-for="image-1-platform-1-vulnerability-table"] select');
			s.value = 'unknown'; s.dispatchEvent(new Event('input', {bubbles: true})); }`)
		c.Settle()
		assert.Len(t, column(c, vulnerabilityTable, "td:nth-child(2)"), 1)
	})

	t.Run("the keyboard does it too", func(t *testing.T) {
		browser.Eval[any](c, `document.querySelector('`+packageTable+` thead th:nth-child(2) button').focus()`)
		c.Press("Enter", 13)
		assert.Equal(t, "ascending", browser.Eval[string](c, `document.querySelector('`+packageTable+` thead th:nth-child(2)').ariaSort`))
		browser.Eval[any](c, `document.activeElement.blur(); window.scrollTo(0, 0)`)
		c.Open(written(t, "html", sample()))
		c.Press("Tab", 9)
		assert.Equal(t, "Skip to the verdict", browser.Eval[string](c, `document.activeElement.textContent`))
	})

	assert.Empty(t, c.Complaints(), "the console is empty")
}

func TestPageIsWellFormedForReaders(t *testing.T) {
	c := browser.Start(t)
	c.Open(written(t, "html", sample()))
	for what, expression := range map[string]string{
		"one heading of the first level":   `document.querySelectorAll('h1').length === 1`,
		"no identifier twice":              `new Set(Array.from(document.querySelectorAll('[id]'), (e) => e.id)).size === document.querySelectorAll('[id]').length`,
		"every label has its target":       `Array.from(document.querySelectorAll('[aria-labelledby]')).every((e) => document.getElementById(e.getAttribute('aria-labelledby')))`,
		"every field has a label":          `Array.from(document.querySelectorAll('input, select')).every((e) => e.labels.length === 1)`,
		"every head of a table has scope":  `Array.from(document.querySelectorAll('th')).every((e) => e.scope === 'col' || e.scope === 'row')`,
		"every anchor leads somewhere":     `Array.from(document.querySelectorAll('a[href^="#"]')).every((e) => document.querySelector(e.getAttribute('href')))`,
		"every drawing is named or hidden": `Array.from(document.querySelectorAll('svg')).every((e) => e.closest('[aria-hidden=true]') || e.getAttribute('aria-labelledby'))`,
		"no level of heading is left out": `(() => { let last = 1; for (const h of document.querySelectorAll('h1, h2, h3, h4')) {
			const level = Number(h.tagName[1]); if (level > last + 1) return false; last = level; } return true; })()`,
	} {
		assert.True(t, browser.Eval[bool](c, expression), what)
	}
}

// TestPageShowsHostileTextAsText opens a page in which every field attacks it.
func TestPageShowsHostileTextAsText(t *testing.T) {
	c := browser.Start(t)
	c.Open(written(t, "html", filled(hostileTexts...)))
	assert.Equal(t, 1, browser.Eval[int](c, `document.scripts.length`))
	assert.Zero(t, browser.Eval[int](c, `document.querySelectorAll('img, iframe, object, embed, [onerror], [onmouseover], [style]').length`))
	assert.Empty(t, c.Complaints(), "nothing was run, and nothing had to be stopped")
}

// TestPageRunsNothingButItsOwnScript puts in what an escape that failed would let through.
func TestPageRunsNothingButItsOwnScript(t *testing.T) {
	c := browser.Start(t)
	page := written(t, "html", sample())
	const end = "</main>"
	require.Contains(t, page, end)
	attack := `<script>window.attacked = 1</script><img src="https://example.com/x.png" onerror="window.attacked = 2"><p style="position:fixed">x</p>`
	asked := c.Open(replaceLast(page, end, attack+end))
	assert.True(t, browser.Eval[bool](c, `window.attacked === undefined`))
	assert.NotContains(t, asked, "https://example.com/x.png")
	assert.NotEmpty(t, c.Complaints(), "the browser says what it stopped")
}

func TestPageTakesFiveThousandPackages(t *testing.T) {
	c := browser.Start(t)
	c.Look(1280, 900, "light")
	c.Open(written(t, "html", large(5000, 2000)))
	c.Click(packageTable + " thead th:first-child button")
	c.Click(packageTable + " thead th:first-child button")
	assert.Equal(t, "zlib1g", column(c, packageTable, "th")[0])
	c.Click(`form[data-for="image-1-platform-1-package-table"] input[type=search]`)
	c.Write("package-4999")
	assert.Equal(t, []string{"package-4999"}, column(c, packageTable, "th"))
	assert.Empty(t, c.Complaints())
}

// showcase is the report on the demonstration's old image, as its JSON has it.
func showcase(t *testing.T) gate.Report {
	t.Helper()
	data, err := os.ReadFile("testdata/showcase.json")
	require.NoError(t, err)
	var r gate.Report
	require.NoError(t, json.Unmarshal(data, &r))
	r.Results[0].JudgedAt = r.Database.Built.Add(time.Minute)
	r.Results[0].Evidence.Steps = map[policy.Step]policy.Status{policy.StepSignatures: {State: policy.Done}}
	return r
}

// TestScreenshots takes the pictures that README shows.
func TestScreenshots(t *testing.T) {
	dir := *screenshots
	if dir == "" {
		dir = t.TempDir()
	}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	c := browser.Start(t)
	page := written(t, "html", showcase(t))
	for name, look := range map[string]struct {
		width, height int
		scheme        string
	}{"light": {1280, 1000, "light"}, "dark": {1280, 1000, "dark"}, "narrow": {390, 900, "light"}} {
		c.Look(look.width, look.height, look.scheme)
		c.Open(page)
		c.Settle()
		c.Screenshot(filepath.Join(dir, name+"-verdict.png"))
		assert.LessOrEqual(t, browser.Eval[int](c, `document.documentElement.scrollWidth`), look.width, "%s scrolls sideways", name)
		ground := browser.Eval[string](c, `getComputedStyle(document.body).backgroundColor`)
		if look.scheme == "dark" {
			assert.Equal(t, "rgb(18, 22, 28)", ground)
		} else {
			assert.Equal(t, "rgb(245, 246, 248)", ground)
		}
		for part, selector := range map[string]string{"platform": ".platform", "packages": packageTable} {
			browser.Eval[any](c, `document.querySelector('`+selector+`').scrollIntoView({block: 'start', behavior: 'instant'})`)
			c.Settle()
			c.Screenshot(filepath.Join(dir, name+"-"+part+".png"))
		}
	}
	assert.Empty(t, c.Complaints())
}

func replaceLast(s, old, with string) string {
	i := strings.LastIndex(s, old)
	return s[:i] + with + s[i+len(old):]
}
