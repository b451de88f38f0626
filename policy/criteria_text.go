package policy

import (
	"fmt"
	"strings"

	"github.com/imagegate/imagegate/sbom"
)

// text says what criteria refuse: "CVSS below 7.0, not known to be exploited".
func (c Criteria) text() string {
	var parts []string
	if c.CVSS.On {
		parts = append(parts, "CVSS below "+c.CVSS.String())
	}
	if c.Severity.on() {
		parts = append(parts, "severity below "+string(c.Severity))
	}
	if c.KEV {
		parts = append(parts, "not known to be exploited")
	}
	if c.EPSS.On {
		parts = append(parts, "EPSS below "+c.EPSS.String())
	}
	return commaJoin(parts)
}

// rating is everything that is known about how bad it is, also what did not
// count: the distribution's word beside the score of others.
func rating(v sbom.Vulnerability) string {
	var parts []string
	if score, ok := scoreOf(v); ok {
		parts = append(parts, fmt.Sprintf("CVSS %.1f%s", score, by(v.ScoreSource)))
	} else {
		parts = append(parts, "no CVSS score")
	}
	if v.Severity != "" {
		parts = append(parts, "severity "+printable(v.Severity))
	}
	if v.KEV {
		parts = append(parts, "KEV")
	}
	if epss, ok := epssOf(v); ok {
		parts = append(parts, fmt.Sprintf("EPSS %.4g", epss))
	}
	return commaJoin(parts)
}

func by(source string) string {
	if source == "" {
		return ""
	}
	return " (" + printable(source) + ")"
}

// packageText says which package, and where it lies.
func packageText(v sbom.Vulnerability) string {
	text := strings.TrimSpace(printable(v.Package) + " " + printable(v.Version))
	if v.Type != "" {
		text += " (" + printable(v.Type) + ")"
	}
	if len(v.Paths) > 0 {
		text += " at " + printable(v.Paths[0])
	}
	return text
}

func fixText(v sbom.Vulnerability) string {
	switch {
	case len(v.FixedIn) > 0:
		return "fixed in " + versions(v)
	case v.FixState == sbom.FixFixed:
		return "a fix exists"
	case v.FixState == sbom.FixWontFix:
		return "will not be fixed"
	case v.FixState == sbom.FixNotFixed:
		return "not fixed yet"
	}
	return "no fix is known"
}

// mend is what to do about a vulnerability.
func mend(v sbom.Vulnerability) string {
	switch {
	case len(v.FixedIn) > 0:
		return "upgrade " + printable(v.Package) + " to " + versions(v)
	case v.FixState == sbom.FixFixed:
		return "upgrade " + printable(v.Package)
	}
	return "remove " + printable(v.Package) + ", or accept it for a time with an exception in the policy"
}

func versions(v sbom.Vulnerability) string {
	const most = 3
	shown := make([]string, 0, most)
	for _, version := range v.FixedIn[:min(most, len(v.FixedIn))] {
		shown = append(shown, printable(version))
	}
	return strings.Join(shown, " or ")
}
