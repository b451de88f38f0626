package policy

// worded is a type with a closed list of words, and the noun for one of them. The
// decoder refuses every other word and offers the nearest.
type worded interface {
	words() []string
	noun() string
}

// Base is the preset that a policy extends.
type Base string

// The bases.
const (
	BaseNothing    Base = "nothing"
	BaseBaseline   Base = "baseline"
	BaseRestricted Base = "restricted"
)

func (Base) words() []string { return []string{"baseline", "restricted", "nothing"} }
func (Base) noun() string    { return "preset" }

// Enforcement says what a failure does.
type Enforcement string

// Enforce denies. Warn and Audit turn each failure into a warning: Warn is for
// whoever asked, Audit for the log. None of them touches undecided.
const (
	Enforce         Enforcement = "enforce"
	EnforcementWarn Enforcement = "warn"
	Audit           Enforcement = "audit"
)

func (Enforcement) words() []string { return []string{"enforce", "warn", "audit"} }
func (Enforcement) noun() string    { return "enforcement" }

func (Stage) words() []string { return []string{"build", "admission", "scan"} }
func (Stage) noun() string    { return "stage" }

// Level says what a rule does when an image breaks it. In YAML, true stands for
// deny and false for allow.
type Level string

// The levels. The zero value is one that the policy has not set: allow.
const (
	LevelDeny  Level = "deny"
	LevelWarn  Level = "warn"
	LevelAllow Level = "allow"
)

func (Level) words() []string { return []string{"deny", "warn", "allow", "true", "false"} }
func (Level) noun() string    { return "level" }

func (l Level) on() bool { return l == LevelDeny || l == LevelWarn }

// synonyms of the decoder: what a word is short for.
func (Level) synonyms() map[string]string { return map[string]string{"true": "deny", "false": "allow"} }

// DigestDemand says whether a reference must name a digest.
type DigestDemand string

// DigestOrSigned accepts a tag if the digest it resolved to is signed as
// `signatures` says, at whatever stage.
const (
	DigestRequired DigestDemand = "required"
	DigestOrSigned DigestDemand = "orSigned"
	DigestAny      DigestDemand = "any"
)

func (DigestDemand) words() []string { return []string{"required", "orSigned", "any"} }
func (DigestDemand) noun() string    { return "demand" }

// LogDemand says whether a signature must be in a transparency log.
type LogDemand string

// The demands on the transparency log.
const (
	LogRequired LogDemand = "required"
	LogOptional LogDemand = "optional"
)

func (LogDemand) words() []string { return []string{"required", "optional"} }
func (LogDemand) noun() string    { return "demand" }

// TimeDemand says whether a signature must carry an RFC 3161 timestamp.
type TimeDemand string

// The demands on timestamps. An accepted one is checked if it is there.
const (
	TimestampRequired TimeDemand = "required"
	TimestampAccepted TimeDemand = "accepted"
)

func (TimeDemand) words() []string { return []string{"required", "accepted"} }
func (TimeDemand) noun() string    { return "demand" }

// CompleteDemand says whether the bill of materials must name everything.
type CompleteDemand string

// The demands on completeness.
const (
	CompleteRequired CompleteDemand = "required"
	CompleteIgnore   CompleteDemand = "ignore"
)

func (CompleteDemand) words() []string { return []string{"required", "ignore"} }
func (CompleteDemand) noun() string    { return "demand" }

// Unscored says how a vulnerability without a CVSS score is judged.
type Unscored string

// The ways: by its severity word, as if it were above every threshold, or not
// at all.
const (
	UnscoredSeverity Unscored = "severity"
	UnscoredDeny     Unscored = "deny"
	UnscoredIgnore   Unscored = "ignore"
)

func (Unscored) words() []string { return []string{"severity", "deny", "ignore"} }
func (Unscored) noun() string    { return "way" }

// Assessment says whether a distribution's own assessment comes first.
type Assessment string

// The weights of a distribution's own "negligible".
const (
	AssessmentFirst  Assessment = "first"
	AssessmentIgnore Assessment = "ignore"
)

func (Assessment) words() []string { return []string{"first", "ignore"} }
func (Assessment) noun() string    { return "weight" }

// Severity is a threshold by word; SeverityOff is none.
type Severity string

// SeverityOff switches off a threshold that a preset has set.
const SeverityOff Severity = "off"

func (Severity) words() []string {
	return []string{"negligible", "low", "medium", "high", "critical", "off"}
}
func (Severity) noun() string { return "severity" }

func (s Severity) on() bool { return s != "" && s != SeverityOff }

func (Decision) words() []string { return []string{"allow", "deny", "undecided"} }
func (Decision) noun() string    { return "verdict" }

func (Outcome) words() []string { return []string{"pass", "warn", "fail", "undecided", "skipped"} }
func (Outcome) noun() string    { return "outcome" }
