package estate

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/policy"
)

// Writer writes a summary in one format.
type Writer func(w io.Writer, s Summary, tool string) error

// word is a verdict for people. One that nobody knows is undecided.
func word(d policy.Decision) string {
	switch d {
	case policy.Allow:
		return "allowed"
	case policy.Deny:
		return "denied"
	}
	return "undecided"
}

// title says what a fix is to do, in one line.
func (f Fix) title() string {
	if f.Layer != "" {
		return "rebuild the layer " + shortDigest(f.Layer) + " that " + f.Base + " has, with " + strings.Join(f.Packages, ", ") + " upgraded"
	}
	return "upgrade " + f.Package + " (" + f.Type + ") to " + f.To
}

// effect says what a fix brings.
func (f Fix) effect() string {
	text := plural(f.Images, "denied image needs", "denied images need") + " it"
	if f.Mended > 0 {
		text += "; " + plural(f.Mended, "is", "are") + " then allowed"
	}
	return text + "; " + plural(f.Removes, "vulnerability", "vulnerabilities") + " fewer"
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// thousands writes a number with its thousands apart: 12,345.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func shortDigest(digest string) string {
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok || len(hex) <= 12 {
		return digest
	}
	return algorithm + ":" + hex[:12]
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// state says how an exception stands.
func (e ExceptionUse) state() string {
	switch {
	case e.Expired:
		return "expired"
	case e.Soon:
		return "ends soon"
	}
	return "in force"
}

// line makes hostile text fit for one line.
func line(s string) string { return report.Line(s) }

// percent of a whole, for people: what is little is not nothing.
func percent(part, whole int) string {
	switch p := float64(part) / float64(max(1, whole)) * 100; {
	case part > 0 && p < 0.1:
		return "<0.1%"
	case part < whole && p > 99.9:
		return ">99.9%"
	default:
		return strconv.FormatFloat(p, 'f', 1, 64) + "%"
	}
}
