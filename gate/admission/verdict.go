package admission

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

// Verdict is what is remembered of a gate.Result: the decision, as much of its
// reasons as an answer has room for, and what it rests on.
type Verdict struct {
	Decision policy.Decision `json:"decision"`
	// Digest that was judged; empty where the reference could not be resolved and
	// names none.
	Digest string `json:"digest,omitempty"`
	// Reasons decided it: what failed, or what could not be judged.
	Reasons []Reason `json:"reasons,omitempty"`
	// Warnings are what was found and did not decide.
	Warnings []Reason `json:"warnings,omitempty"`
	// More is how many reasons there was no room for.
	More        int                `json:"more,omitempty"`
	Enforcement policy.Enforcement `json:"enforcement,omitempty"`
	JudgedAt    time.Time          `json:"judgedAt"`
	// Until is when it has to be asked anew.
	Until time.Time `json:"until"`
}

// Reason is a finding in one line.
type Reason struct {
	Rule    string `json:"rule"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
}

// The rules of reasons that are no policy's: what became of the question.
const (
	ruleReference = "reference" // the image name is none
	rulePending   = "pending"   // the check goes on
	ruleOverload  = "overload"  // too many checks
	ruleInternal  = "internal"  // a fault of this program
	ruleReview    = "review"    // the review itself is not what it should be
)

// How much of the reasons is kept: what a person reads in a terminal.
const (
	maxReasons  = 4
	maxMessage  = 400
	maxRemedy   = 200
	maxWarnings = 4
)

// verdictOf keeps of a result what an answer needs.
func verdictOf(r gate.Result, p *policy.Policy) Verdict {
	v := Verdict{
		Decision: r.Verdict, Digest: r.Digest, JudgedAt: r.JudgedAt,
		Enforcement: p.For(r.Evidence.Reference, r.Namespace).Enforcement,
	}
	decisive := policy.Undecided
	switch r.Verdict {
	case policy.Allow:
		decisive = ""
	case policy.Deny:
		decisive = policy.Fail
	}
	for _, f := range r.Findings {
		switch f.Outcome {
		case decisive:
			if v.Reasons = distinct(v.Reasons, reasonOf(f)); len(v.Reasons) > maxReasons {
				v.Reasons = v.Reasons[:maxReasons]
				v.More++
			}
		case policy.Warn:
			if v.Warnings = distinct(v.Warnings, reasonOf(f)); len(v.Warnings) > maxWarnings {
				v.Warnings = v.Warnings[:maxWarnings]
			}
		}
	}
	return v
}

func reasonOf(f policy.Finding) Reason {
	return Reason{Rule: f.Rule, Message: clip(f.Message, maxMessage), Remedy: clip(f.Remedy, maxRemedy)}
}

// distinct adds a reason that is not there yet: platform images often share theirs.
func distinct(list []Reason, r Reason) []Reason {
	for _, known := range list {
		if known == r {
			return list
		}
	}
	return append(list, r)
}

// String is the rule first, then what is wrong, then what to do.
func (r Reason) String() string {
	s := printable(r.Rule) + ": " + printable(r.Message)
	if r.Remedy != "" {
		s += " (" + printable(r.Remedy) + ")"
	}
	return s
}

// undecided is a verdict of this package: what could not be judged, and why.
func undecided(digest, rule, message, remedy string) Verdict {
	return Verdict{
		Decision: policy.NotDecidable, Digest: digest, Enforcement: policy.Enforce,
		Reasons: []Reason{{Rule: rule, Message: clip(message, maxMessage), Remedy: clip(remedy, maxRemedy)}},
	}
}

// misnamed is the verdict about what is no reference: denied for ever.
func misnamed(err error) Verdict {
	reason := Reason{Rule: ruleReference, Message: "the image name cannot be read: " + clip(err.Error(), maxMessage)}
	var reference *gate.ReferenceError
	if errors.As(err, &reference) {
		reason.Remedy = clip(reference.Hint, maxRemedy)
	}
	return Verdict{Decision: policy.Deny, Enforcement: policy.Enforce, Reasons: []Reason{reason}}
}

// believable says whether a verdict that comes from elsewhere is one.
func (v Verdict) believable() bool {
	return (v.Decision == policy.Allow && len(v.Reasons) == 0 && digestOf("@"+v.Digest) != "") ||
		(v.Decision == policy.Deny && len(v.Reasons) > 0)
}

// reason is all reasons of a verdict about an image, each beginning with its name.
func (v Verdict) reason(image string) string {
	var b strings.Builder
	for i, r := range v.Reasons {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s: %s", shown(image), r)
	}
	if v.More > 0 {
		fmt.Fprintf(&b, "\n%s: and %d more", shown(image), v.More)
	}
	return b.String()
}
