package admission

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable shows text that a stranger wrote: as it is if every character of it can
// be seen, else quoted with escapes.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	return strconv.Quote(s)
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

// maxName is how much of an image name is shown, in bytes.
const maxName = 256

// shown is an image name fit to be shown.
func shown(image string) string { return clip(printable(clip(image, maxName)), maxName+64) }
