package estate

import (
	"strings"
)

// compareVersions orders two versions of one package: runs of digits as numbers,
// what is between them as text, `~` before everything, an epoch first (as Debian
// policy 5.6.12 has it). Other ecosystems differ in corners. It only chooses which
// of several fixed versions is named; no verdict depends on it.
func compareVersions(a, b string) int {
	epochA, a := epoch(a)
	epochB, b := epoch(b)
	if c := compareParts(epochA, epochB); c != 0 {
		return c
	}
	return compareParts(strings.TrimLeft(a, "v"), strings.TrimLeft(b, "v"))
}

func epoch(version string) (epoch, rest string) {
	if before, after, ok := strings.Cut(version, ":"); ok {
		return before, after
	}
	return "0", version
}

func compareParts(a, b string) int {
	for a != "" || b != "" {
		var wordA, wordB, numberA, numberB string
		wordA, a = run(a, false)
		wordB, b = run(b, false)
		if c := compareWords(wordA, wordB); c != 0 {
			return c
		}
		numberA, a = run(a, true)
		numberB, b = run(b, true)
		if c := compareNumbers(numberA, numberB); c != 0 {
			return c
		}
	}
	return 0
}

// run takes what is digits, or is none, from the start.
func run(s string, digits bool) (taken, rest string) {
	for i := range len(s) {
		if isDigit := s[i] >= '0' && s[i] <= '9'; isDigit != digits {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func compareWords(a, b string) int {
	for i := range max(len(a), len(b)) {
		if c := weight(a, i) - weight(b, i); c != 0 {
			return c
		}
	}
	return 0
}

// weight of a letter: `~`, then the end, then letters, then everything else.
func weight(s string, i int) int {
	switch {
	case i >= len(s):
		return 0
	case s[i] == '~':
		return -1
	case s[i] >= 'A' && s[i] <= 'Z', s[i] >= 'a' && s[i] <= 'z':
		return int(s[i])
	}
	return int(s[i]) + 256
}
