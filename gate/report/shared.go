package report

// What other reports on images need to be as careful as these ones: see
// gate/scan/estate.

// Line makes hostile text fit for one line of a terminal, a log or a page: what is
// not seen but does something is written as an escape.
func Line(s string) string { return line(s) }

// MarkdownText makes hostile text plain text within a line of Markdown.
func MarkdownText(s string) string { return escapeMarkdown(s) }

// MarkdownCode is text for copying: a code span if nothing in it could end one.
func MarkdownCode(s string) string { return codeSpan(s) }

// Clip cuts text to at most n bytes between two characters, and says that it did.
func Clip(s string, n int) string { return clip(s, n) }

// Size is a number of bytes for people.
func Size(bytes int64) string { return size(bytes) }

// PageStyle is the style of the HTML report: its colours by day and by night, its
// cards, badges and tables.
func PageStyle() string { return string(pageStyle) }

// PagePolicy is the Content Security Policy of a page that may run one script and
// use one style, both in it, and nothing else: nothing is loaded, and no text
// becomes markup.
func PagePolicy(style, script string) string {
	return "default-src 'none'; style-src " + cspHash(style) + "; script-src " + cspHash(script) +
		"; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
}
