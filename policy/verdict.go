package policy

// Outcome of one rule.
type Outcome string

// The outcomes of a rule. Warn never denies; Undecided means that the facts
// which the rule needs could not be had; Skipped means that the rule does not
// apply at this stage or platform.
const (
	Pass      Outcome = "pass"
	Warn      Outcome = "warn"
	Fail      Outcome = "fail"
	Undecided Outcome = "undecided"
	Skipped   Outcome = "skipped"
)

// Finding is one rule's answer about the subject or one of its platform images.
type Finding struct {
	Rule     string  `json:"rule"`
	Outcome  Outcome `json:"outcome"`
	Platform string  `json:"platform,omitempty"` // empty: the subject
	Message  string  `json:"message"`
	Expected string  `json:"expected,omitempty"`
	Actual   string  `json:"actual,omitempty"`
	Remedy   string  `json:"remedy,omitempty"`
	// Exception that turned a failure into a pass or a warning.
	Exception *Exception `json:"exception,omitempty"`
	// Vulnerability id and package, of findings about one.
	Vulnerability string `json:"vulnerability,omitempty"`
	Package       string `json:"package,omitempty"`
}

// Decision is the answer about a whole subject.
type Decision string

// The decisions. The zero value is none of them, so that a forgotten decision is
// never Allow.
const (
	Allow        Decision = "allow"
	Deny         Decision = "deny"
	NotDecidable Decision = "undecided"
)

// Verdict is the decision over one subject with every finding that led to it.
type Verdict struct {
	Decision Decision  `json:"verdict"`
	Findings []Finding `json:"findings"`
}

// Needs says which steps must run so that a policy can be evaluated.
type Needs struct {
	Signatures      bool
	Config          bool
	Files           bool
	SBOM            bool
	Vulnerabilities bool
}
