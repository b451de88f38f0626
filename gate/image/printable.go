package image

import (
	"regexp"
	"strings"
	"unicode"
)

// maxMessage is how much of an error is shown; a registry may answer with a novel.
const maxMessage = 600

// secrets are the places in messages of HTTP clients where credentials can stand:
// the userinfo and the query of an address (signed blob addresses), an
// authorization header, and the answer of a token service.
var secrets = []struct {
	pattern     *regexp.Regexp
	replacement string
}{
	{regexp.MustCompile(`(?is)no token in bearer response.*`), "the token service gave no token"},
	{regexp.MustCompile(`(?i)(\b[a-z][a-z0-9+.-]*://)[^/\s"'@]*@`), "${1}"},
	{regexp.MustCompile(`(?i)(\b[a-z][a-z0-9+.-]*://[^\s"'?]*)\?[^\s"']*`), "${1}?…"},
	{regexp.MustCompile(`(?i)\b(bearer|basic)\s+[a-z0-9+/=._~-]{8,}`), "${1} …"},
	{regexp.MustCompile(`(?i)("?(?:access_|refresh_|id_)?token"?\s*[:=]\s*)("[^"]*"|[^\s,}&]+)`), "${1}…"},
}

// printable makes one safe line of a message that outsiders had a hand in: no
// secret, no control character that could repaint a terminal, no novel.
func printable(message string) string {
	for _, secret := range secrets {
		message = secret.pattern.ReplaceAllString(message, secret.replacement)
	}
	message = strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, message)
	if runes := []rune(message); len(runes) > maxMessage {
		message = string(runes[:maxMessage]) + "…"
	}
	return strings.TrimSpace(message)
}
