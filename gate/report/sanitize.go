package report

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// commandMark begins a command to a build system anywhere in a line of a log:
// "##[error]" (GitHub, Azure), "##vso[" (Azure), "##teamcity[" (TeamCity). No
// report lets hostile text carry it.
const commandMark = "##"

// commandStart begins a command to GitHub Actions where it begins a line.
const commandStart = "::"

// line makes hostile text fit for one line of a terminal or a log: control
// characters (which carry escape sequences), line breaks, invalid UTF-8 and
// characters that reorder or hide text (Unicode categories Cc, Cf, Zl and Zp) are
// written as escapes, and so is the mark of a command to a build system.
func line(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case hidden(r):
			b.WriteString(escape(r))
		default:
			b.WriteRune(r)
		}
	}
	return strings.ReplaceAll(b.String(), commandMark, `#\x23`)
}

// hidden is a character that is not seen but does something.
func hidden(r rune) bool {
	return r >= 0x7f && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r < ' '
}

func escape(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\t':
		return `\t`
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	default:
		return fmt.Sprintf(`\U%08x`, r)
	}
}

// start makes text that line has cleaned fit for the start of a line of a log.
func start(s string) string {
	if strings.HasPrefix(s, commandStart) {
		return `\x3a` + s[1:]
	}
	return s
}

// Lines makes hostile text of several lines fit for a terminal: like the text
// report does, but line breaks stay.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		l = line(l)
		text := strings.TrimLeftFunc(l, unicode.IsSpace)
		lines[i] = l[:len(l)-len(text)] + start(text)
	}
	return strings.Join(lines, "\n")
}

// clip cuts text to at most n bytes between two characters, and says that it did.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const mark = "…"
	n -= len(mark)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + mark
}

// webAddress is an address that a reader may offer as a link: a web page, by name
// and without credentials. Anything else is not a link but text.
func webAddress(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil || line(s) != s {
		return "", false
	}
	return u.String(), true
}
