package admission

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/imagegate/imagegate/policy"
)

// answer is what a review is told, through whichever API.
type answer struct {
	allowed  bool
	reason   string // of a denial; each line begins with an image and a rule
	warnings []string
	audit    map[string]string
	patch    []byte // JSON patch
	opinions []opinion
}

// The bounds on an answer, in bytes and counts. Warnings are for HTTP headers: an
// API server cuts those that are longer than 256 bytes, or than 4 KiB together.
const (
	maxReasonText  = 8 << 10
	maxWarning     = 250
	maxAllWarnings = 12
	maxAudit       = 1 << 10
	maxAuditImages = 16
)

// denied is the answer to a review that was not judged at all. No image is to blame.
func denied(rule, message string) answer {
	return answer{
		reason: clip(rule+": "+printable(message), maxReasonText),
		audit:  map[string]string{"verdict": string(policy.NotDecidable), "rule": rule},
	}
}

// exempted is the answer where the namespace is not judged.
func exempted() answer {
	return answer{allowed: true, audit: map[string]string{"verdict": string(SourceExempt)}}
}

// answerOf sums up: every image has to be admitted.
func answerOf(opinions []opinion) answer {
	a := answer{allowed: true, opinions: opinions, audit: auditOf(opinions)}
	var reasons []string
	for _, o := range opinions {
		if !o.admitted {
			a.allowed = false
			reasons = append(reasons, o.reason())
		}
		a.warnings = append(a.warnings, o.warnings()...)
	}
	a.reason = clip(strings.Join(reasons, "\n"), maxReasonText)
	a.warnings = a.warnings[:min(len(a.warnings), maxAllWarnings)]
	return a
}

// reason is why an image may not run, and why no token lets it.
func (o opinion) reason() string {
	reason := o.verdict.reason(o.image)
	if o.unopened != nil {
		reason += "\n" + shown(o.image) + ": breakglass: " + printable(clip(o.unopened.Error(), maxMessage))
	}
	return reason
}

// warnings are what whoever asked is told about an image that was let in. An audit
// is not for them.
func (o opinion) warnings() []string {
	if !o.admitted {
		return nil
	}
	var list []string
	warn := func(format string, args ...any) {
		list = append(list, clip(shown(o.image)+": "+fmt.Sprintf(format, args...), maxWarning))
	}
	switch {
	case o.grant != nil:
		warn("breakglass: let in by %s", used(o.grant))
	case o.source == SourceLastGood:
		warn("last-good: it could not be judged now; allowed on %s", o.verdict.JudgedAt.UTC().Format(time.RFC3339))
	}
	if o.verdict.Decision != policy.Allow {
		for _, r := range o.verdict.Reasons {
			warn("%s", r)
		}
	}
	if o.verdict.Enforcement != policy.Audit {
		for _, r := range o.verdict.Warnings {
			warn("%s", r)
		}
	}
	return list
}

// restOn completes what the API server's audit log keeps of each answer, one that
// judged nothing too: which digests, which verdict, by which policy and database.
func (a *answer) restOn(s *seat) {
	if a.audit == nil {
		a.audit = map[string]string{}
	}
	a.audit["policy"], a.audit["policy-name"], a.audit["database"] = s.policyHash, s.policyName, s.databaseBuilt
	for _, key := range []string{"digest", "verdict"} {
		a.audit[key] = cmp.Or(a.audit[key], nothing)
	}
}

// nothing is what the audit log shows where there is none.
const nothing = "none"

// auditOf is what it keeps of the images. Keys are names as of labels, of at most 63
// characters.
func auditOf(opinions []opinion) map[string]string {
	digests, verdicts := make([]string, len(opinions)), make([]string, len(opinions))
	for i, o := range opinions {
		digests[i], verdicts[i] = o.verdict.Digest, o.word()
	}
	audit := map[string]string{"digest": auditList(digests), "verdict": auditList(verdicts)}
	for i, o := range opinions {
		if i == maxAuditImages {
			break
		}
		audit["image-"+strconv.Itoa(i)] = clip(o.line(), maxAudit)
		if o.grant != nil {
			audit["breakglass-"+strconv.Itoa(i)] = clip(used(o.grant)+": "+printable(o.grant.Reason), maxAudit)
		}
	}
	return audit
}

// word is the verdict, or why there is none.
func (o opinion) word() string {
	if o.verdict.Decision == "" {
		return string(o.source)
	}
	return string(o.verdict.Decision)
}

// line is an opinion in one line.
func (o opinion) line() string {
	parts := []string{o.word(), shown(o.image)}
	if o.verdict.Digest != "" && !strings.HasSuffix(o.image, o.verdict.Digest) {
		parts = append(parts, o.verdict.Digest)
	}
	parts = append(parts, "by "+string(o.source))
	for _, r := range append(o.verdict.Reasons, o.verdict.Warnings...) {
		parts = append(parts, "· "+r.String())
	}
	return strings.Join(parts, " ")
}

// auditList is one word for each image, in their order.
func auditList(words []string) string {
	shown := make([]string, len(words))
	for i, word := range words {
		shown[i] = cmp.Or(word, "-")
	}
	return clip(strings.Join(shown, ","), maxAudit)
}
