package policy

// Rule ids. They are stable: reports, exceptions and suppressions name them.
const (
	RuleResolve            = "resolve"
	RuleRegistry           = "reference.registry"
	RuleTag                = "reference.tag"
	RuleDigest             = "reference.digest"
	RuleSignature          = "signature"
	RuleNonRoot            = "config.nonRoot"
	RuleNonRootGroup       = "config.nonRootGroup"
	RuleNumericUser        = "config.numericUser"
	RuleEntrypoint         = "config.entrypoint"
	RuleSize               = "config.size"
	RuleLabels             = "config.labels"
	RuleBaseImage          = "config.baseImage"
	RulePorts              = "config.ports"
	RuleShells             = "content.shells"
	RuleInterpreters       = "content.interpreters"
	RuleDebugTools         = "content.debugTools"
	RulePackageManagers    = "content.packageManagers"
	RuleSetuid             = "content.setuid"
	RuleSecrets            = "content.secrets"
	RuleSBOM               = "sbom.complete"
	RuleVulnerabilities    = "vulnerabilities"
	RuleVulnerabilitiesAge = "vulnerabilities.database"
	RuleExceptions         = "exceptions"
)

// RuleInfo says what a rule is for, for reports, documentation and completion.
type RuleInfo struct {
	ID    string
	Title string
	// Fields of the policy that switch it, empty for a rule that always applies.
	Fields []string
	// Why it matters, in a sentence or two.
	Why string
}

// Rules lists every rule in the order in which they are judged, less those that
// policies define.
func Rules() []RuleInfo { return nothing().Rules() }

// Rules lists every rule of the policy, its own ones included, in the order in
// which they are judged.
func (p *Policy) Rules() []RuleInfo {
	list := p.rules()
	infos := make([]RuleInfo, len(list))
	for i, r := range list {
		infos[i] = r.RuleInfo
	}
	return infos
}

// rule is one entry of the evaluator. Exactly one of subject and platform is set.
type rule struct {
	RuleInfo
	// optional rules are those that a policy can switch off.
	optional bool
	// exceptable rules state facts that somebody can answer for.
	exceptable bool
	// itemised rules apply exceptions to each thing they found by themselves.
	itemised bool
	// signatures are needed besides the steps: the rule looks at what was verified.
	signatures bool
	level      func(*Policy) Level
	stages     func(*Policy) []Stage
	// steps that must be done before the rule is asked, and those that are wanted
	// besides for what it says.
	steps    []Step
	wanted   []Step
	subject  func(*question) []Finding
	platform func(*question, *Platform) []Finding
}

// rules is the whole evaluator, in order: the cheap and decisive ones first, as
// the evidence for them is collected first.
func (p *Policy) rules() []rule {
	list := []rule{{
		RuleInfo: RuleInfo{RuleResolve, "The reference means one digest, and its platforms are known", []string{"platforms"},
			"A tag can be moved; only what a digest names can be judged."},
		level: always, stages: everyStage, subject: judgeResolve,
	}}
	list = append(list, referenceRules()...)
	list = append(list, signatureRule())
	list = append(list, p.attestationRules()...)
	list = append(list, configRules()...)
	list = append(list, contentRules()...)
	list = append(list, sbomRule(), databaseRule(), vulnerabilityRule())
	list = append(list, p.customRules()...)
	return append(list, rule{
		RuleInfo: RuleInfo{RuleExceptions, "Exceptions are in force", []string{"exceptions"},
			"An exception is a debt with a date; when the date has passed it accepts nothing."},
		level: whenExceptions, stages: everyStage, subject: judgeExceptions,
	})
}

func always(*Policy) Level { return LevelDeny }

func everyStage(*Policy) []Stage { return nil }

func whenExceptions(p *Policy) Level { return levelIf(len(p.Exceptions) > 0) }

// levelIf is the level of a rule that is either denied or not asked for.
func levelIf(on bool) Level {
	if on {
		return LevelDeny
	}
	return LevelAllow
}
