package report

import (
	"regexp"
	"strings"
)

// escapeMarkdown makes hostile text plain text within a line of Markdown: as
// CommonMark, as GitHub's and GitLab's dialects (tables, bare addresses as links)
// and with what those make of the finished text (mentions of people, references
// to issues).
func escapeMarkdown(s string) string {
	s = strings.Join(strings.Fields(line(s)), " ") // spaces at the start would be a block of code
	return bareHost.ReplaceAllString(markdown.Replace(s), `${1}\.`)
}

// A zero-width space keeps a mention or a reference from being one: they are found
// in the finished text, where no backslash is left.
const zeroWidth = "&#8203;"

var markdown = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;",
	"@", "@"+zeroWidth, "#", `\#`+zeroWidth, "!", `\!`,
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "~", `\~`, "|", `\|`, "$", `\$`, "^", `\^`, "=", `\=`,
	"[", `\[`, "]", `\]`, "(", `\(`, ")", `\)`, "{", `\{`, "}", `\}`,
	"://", `\:\/\/`,
)

// bareHost is what dialects make a link of without "://".
var bareHost = regexp.MustCompile(`(?i)(www)\.`)

// plainToken is what needs no escape in a code span.
var plainToken = regexp.MustCompile(`^[A-Za-z0-9:._/+-]+$`)

// codeSpan is text for copying, such as a digest: a code span if nothing in it
// could end one.
func codeSpan(s string) string {
	if plainToken.MatchString(s) {
		return "`" + s + "`"
	}
	return escapeMarkdown(s)
}
