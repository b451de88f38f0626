package estate

import (
	"math"

	"github.com/imagegate/imagegate/gate/report"
)

// MaxLine is how long a line may be, in bytes without its end: half of what a
// message of NATS holds by default.
const MaxLine = 512 << 10

// Bounds of a record that is made here. A record that is read is bounded by the
// length of its line.
const (
	maxReferences      = 256
	maxFindings        = 100
	maxPlatforms       = 250
	maxLayers          = 2000 // over all platforms
	maxVulnerabilities = 500
	maxFixes           = 8 // versions that fix one vulnerability
	maxSeverities      = 16

	nameBytes = 512 // references, packages, versions, owners
	textBytes = 600 // messages, remedies, reasons
)

// Names of the lists in Record.Omitted.
const (
	omittedReferences      = "references"
	omittedFindings        = "findings"
	omittedPlatforms       = "platforms"
	omittedLayers          = "layers"
	omittedVulnerabilities = "vulnerabilities"
)

// bounded is the record with its lists cut to their bounds divided by a part, and
// its texts clipped. What is left out is counted.
func (r Record) bounded(part int) Record {
	omitted := map[string]int{}
	for list, n := range r.Omitted {
		omitted[list] = n
	}
	r.References = clipAll(cut(r.References, max(1, maxReferences/part), omittedReferences, omitted), nameBytes)
	r.Findings = cut(r.Findings, maxFindings/part, omittedFindings, omitted)
	r.Platforms = cut(r.Platforms, maxPlatforms/part, omittedPlatforms, omitted)
	r.Vulnerabilities = cut(r.Vulnerabilities, maxVulnerabilities/part, omittedVulnerabilities, omitted)
	r.boundFindings()
	r.boundPlatforms(maxLayers/part, omitted)
	r.boundVulnerabilities()
	for _, text := range []*string{&r.Scan, &r.Namespace, &r.Worker, &r.PolicyHash} {
		*text = clip(*text, nameBytes)
	}
	r.Error = clip(r.Error, textBytes)
	if len(r.Severities) > maxSeverities {
		r.Severities = nil // no database has as many words
	}
	r.Omitted = nil
	if len(omitted) > 0 {
		r.Omitted = omitted
	}
	return r
}

func (r *Record) boundFindings() {
	list := make([]Finding, len(r.Findings))
	for i, f := range r.Findings {
		f.Rule, f.Platform = clip(f.Rule, nameBytes), clip(f.Platform, nameBytes)
		f.Message, f.Remedy = clip(f.Message, textBytes), clip(f.Remedy, textBytes)
		if f.Exception != nil {
			e := *f.Exception
			e.About, e.Owner, e.Reason = clip(e.About, nameBytes), clip(e.Owner, nameBytes), clip(e.Reason, textBytes)
			f.Exception = &e
		}
		list[i] = f
	}
	r.Findings = list
}

func (r *Record) boundPlatforms(layers int, omitted map[string]int) {
	list := make([]Platform, len(r.Platforms))
	for i, p := range r.Platforms {
		p.Platform, p.Digest = clip(p.Platform, nameBytes), clip(p.Digest, nameBytes)
		p.Layers = cut(p.Layers, layers, omittedLayers, omitted)
		layers -= len(p.Layers)
		list[i] = p
	}
	r.Platforms = list
}

func (r *Record) boundVulnerabilities() {
	list := make([]Vulnerability, len(r.Vulnerabilities))
	for i, v := range r.Vulnerabilities {
		for _, text := range []*string{&v.ID, &v.Package, &v.Version, &v.Type, &v.Severity, &v.Layer} {
			*text = clip(*text, nameBytes)
		}
		if v.CVSS != nil && (math.IsNaN(*v.CVSS) || *v.CVSS < 0 || *v.CVSS > 10) {
			v.CVSS = nil
		}
		v.FixedIn = clipAll(v.FixedIn[:min(len(v.FixedIn), maxFixes)], nameBytes)
		list[i] = v
	}
	r.Vulnerabilities = list
}

// cut is the first n of a list, never nil; how many it leaves out is added to omitted.
func cut[T any](list []T, n int, name string, omitted map[string]int) []T {
	if len(list) <= n {
		if list == nil {
			return []T{}
		}
		return list
	}
	omitted[name] += len(list) - n
	return list[:n]
}

func clip(s string, n int) string { return report.Clip(s, n) }

func clipAll(list []string, n int) []string {
	if list == nil {
		return nil
	}
	clipped := make([]string, len(list))
	for i, s := range list {
		clipped[i] = clip(s, n)
	}
	return clipped
}
