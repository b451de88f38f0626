package policy

import (
	"fmt"
	"strings"
	"unicode"
)

// Bounds of foreign text in messages, in runes: of a name or path, and of an
// error, which may hold several of them.
const (
	maxName  = 200
	maxError = 1000
)

// clean makes text from an image, a registry or a file fit for a line of a
// message: control and other invisible characters (which could move a
// terminal's cursor, or turn the writing direction) are escaped, and it is cut.
func clean(text string, most int) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n == most {
			b.WriteString("…")
			break
		}
		n++
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// printable is clean for names and paths.
func printable(text string) string { return clean(text, maxName) }

// shortened cuts a word of a policy for a message that quotes it.
func shortened(word string) string {
	const most = 40
	if r := []rune(word); len(r) > most {
		return string(r[:most]) + "…"
	}
	return word
}

// enumerate lists at most maxListed names for a sentence, and counts the rest.
func enumerate(names []string) string {
	shown := make([]string, 0, maxListed)
	for _, name := range names[:min(maxListed, len(names))] {
		shown = append(shown, printable(name))
	}
	text := strings.Join(shown, ", ")
	if rest := len(names) - len(shown); rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}

// plural counts: "1 shell", "2 shells".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// maxListed is how many names a message lists before it counts the rest.
const maxListed = 5

// quoted puts foreign text in quotes, so that an empty one can be seen.
func quoted(text string) string { return `"` + printable(text) + `"` }

// orNone says none for an empty list.
func orNone(list string) string {
	if list == "" {
		return "none"
	}
	return list
}

func commaJoin(parts []string) string { return strings.Join(parts, ", ") }
