package policy

import "github.com/imagegate/imagegate/policy/expression"

// APIVersion and Kind head every policy document.
const (
	APIVersion = "imagegate.dev/v1"
	Kind       = "Policy"
)

// Policy is what an image must be. Only Parse, Preset and the methods of a
// Policy make one; a zero Policy decides nothing. It is not changed after that
// and is safe for concurrent use.
type Policy struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   Metadata `yaml:"metadata"`
	// Extends is the preset under this policy. Its rules are already part of the
	// fields below.
	Extends     Base        `yaml:"extends"`
	Enforcement Enforcement `yaml:"enforcement"`
	// Platforms to judge: "all", or names such as linux/amd64. A name without a
	// variant stands for every variant.
	Platforms       []string           `yaml:"platforms"`
	Reference       ReferenceRules     `yaml:"reference"`
	Signatures      SignatureRules     `yaml:"signatures"`
	Config          ConfigRules        `yaml:"config"`
	Content         ContentRules       `yaml:"content"`
	SBOM            SBOMRules          `yaml:"sbom"`
	Vulnerabilities VulnerabilityRules `yaml:"vulnerabilities"`
	VEX             VEXRules           `yaml:"vex,omitempty"`
	Exceptions      []Exception        `yaml:"exceptions,omitempty"`
	Attestations    []AttestationRule  `yaml:"attestations,omitempty" json:",omitempty"`
	// Custom are the rules of the policy's own.
	Custom []CustomRule `yaml:"rules,omitempty" json:",omitempty"`
	// Overrides are what For lays over the rest, for the subjects they match.
	Overrides []Override `yaml:"overrides,omitempty" json:",omitempty"`

	// Set by For: the overrides that it laid over the policy, the most specific
	// last, and for which namespace.
	applied   []Override
	namespace string
	// said are the places of what the document says, by field.
	said map[string]string
	// conditions are the compiled expressions of the policy and its overrides.
	conditions map[conditionKey]*expression.Expression
	// statements are those of the VEX documents that were read, in their order.
	statements []statement
}

// Metadata names a policy for reports.
type Metadata struct {
	Name string `yaml:"name"`
}

// Name is the policy's name, for reports.
func (p *Policy) Name() string { return p.Metadata.Name }

// ReferenceRules are about what was typed.
type ReferenceRules struct {
	Stages []Stage        `yaml:"stages,omitempty"` // empty: every stage
	Digest DigestDemand   `yaml:"digest"`
	Deny   []string       `yaml:"denyTags,omitempty"` // globs
	Warn   []string       `yaml:"warnTags,omitempty"` // globs
	From   []RegistryGlob `yaml:"registries,omitempty"`
}

// SignatureRules say who must have signed, and with what evidence of the time.
type SignatureRules struct {
	Stages []Stage `yaml:"stages,omitempty"` // empty: every stage
	// Required defaults to deny where signers are named, else to allow.
	Required Level `yaml:"required"`
	// AtLeast is how many different signers must have signed.
	AtLeast int      `yaml:"atLeast"`
	Signers []Signer `yaml:"signers,omitempty"`
	// TrustRoot replaces the public-good instance; nil means that one.
	TrustRoot       *TrustRoot `yaml:"trustRoot,omitempty"`
	TransparencyLog LogDemand  `yaml:"transparencyLog"`
	Timestamp       TimeDemand `yaml:"timestamp"`
}

// Signer is somebody whose signature counts: a key or a keyless identity.
type Signer struct {
	Name    string   `yaml:"name"`
	Key     *Key     `yaml:"key,omitempty"`
	Keyless *Keyless `yaml:"keyless,omitempty"`
}

// Key is a public key in PEM: exactly one of File and Data is set by the policy.
// Resolve turns File into Data.
type Key struct {
	File string `yaml:"file,omitempty"`
	Data string `yaml:"data,omitempty"`
}

// Keyless is an identity in a Fulcio certificate. Exactly one of Issuer and
// IssuerRegExp is set, and one of Subject and SubjectRegExp. The expressions are
// RE2 and were refused at load unless anchored, so regexp.MatchString is right.
type Keyless struct {
	Issuer        string `yaml:"issuer,omitempty"`
	IssuerRegExp  string `yaml:"issuerRegExp,omitempty"`
	Subject       string `yaml:"subject,omitempty"`
	SubjectRegExp string `yaml:"subjectRegExp,omitempty"`
}

// TrustRoot is a Sigstore trusted root (trusted_root.json, as JSON): exactly one
// of File and Data is set by the policy. Resolve turns File into Data.
type TrustRoot struct {
	File string `yaml:"file,omitempty"`
	Data string `yaml:"data,omitempty"`
}

// ConfigRules are about the image config and size. Limits of 0 are off.
type ConfigRules struct {
	Stages             []Stage  `yaml:"stages,omitempty"`
	NonRoot            Level    `yaml:"nonRoot"`
	NonRootGroup       Level    `yaml:"nonRootGroup"`
	NumericUser        Level    `yaml:"numericUser"`
	EntrypointRunnable Level    `yaml:"entrypointRunnable"`
	MaxSize            ByteSize `yaml:"maxSize"`             // of the compressed layers: what a node pulls
	MaxUncompressed    ByteSize `yaml:"maxUncompressedSize"` // of the files in the final tree
	MaxLayers          int      `yaml:"maxLayers"`
	RequiredLabels     []string `yaml:"requiredLabels,omitempty"`
	// BaseImages that an image may be built on, as its labels
	// org.opencontainers.image.base.name and .digest say.
	BaseImages []BaseImage `yaml:"baseImages,omitempty"`
	// KnownBases that an image may be built on too, as its layers show.
	KnownBases []KnownBase `yaml:"knownBases,omitempty" json:",omitempty"`
	DenyPorts  []Port      `yaml:"denyPorts,omitempty"`
}

// ContentRules are about what lies in the image, one level for each class.
type ContentRules struct {
	Stages          []Stage `yaml:"stages,omitempty"`
	Shells          Level   `yaml:"shells"`
	Interpreters    Level   `yaml:"interpreters"`
	DebugTools      Level   `yaml:"debugTools"`
	PackageManagers Level   `yaml:"packageManagers"`
	Setuid          Level   `yaml:"setuid"` // setuid and setgid files, and files with capabilities
	Secrets         Level   `yaml:"secrets"`
}

// SBOMRules are about the bill of materials.
type SBOMRules struct {
	Stages   []Stage        `yaml:"stages,omitempty"`
	Complete CompleteDemand `yaml:"complete"`
}

// VulnerabilityRules are about what is known to be wrong with the packages.
type VulnerabilityRules struct {
	Stages []Stage  `yaml:"stages,omitempty"`
	Deny   Criteria `yaml:"deny"`
	Warn   Criteria `yaml:"warn"`
	// Unscored says how to hold a vulnerability without CVSS against a threshold.
	Unscored Unscored `yaml:"unscored"`
	// OnlyFixed looks away from what has no fix yet, however bad it is.
	OnlyFixed bool `yaml:"onlyFixed"`
	// Grace is how long after its fix was published a vulnerability only warns.
	Grace Grace `yaml:"grace"`
	// Assessment is the weight of a distribution's own "negligible" (Debian:
	// "unimportant") against somebody else's score.
	Assessment Assessment    `yaml:"distributionAssessment"`
	Database   DatabaseRules `yaml:"database"`
}

// VEXRules say whose word counts that an image is not affected by a vulnerability.
type VEXRules struct {
	// Documents are OpenVEX or CSAF files that are part of the policy.
	Documents []VEXDocument `yaml:"documents,omitempty"`
	// Signers whose OpenVEX and CSAF attestations count, by their names in
	// signatures.signers. Without one no attestation does.
	Signers []string `yaml:"signers,omitempty"`
}

// VEXDocument is one document: exactly one of File and Data is set by the policy.
// Resolve turns File into Data.
type VEXDocument struct {
	File string `yaml:"file,omitempty"`
	Data string `yaml:"data,omitempty"`
}

// Criteria meet a vulnerability if any of them does.
type Criteria struct {
	CVSS     Threshold `yaml:"cvss"`     // 0 to 10: at or above
	Severity Severity  `yaml:"severity"` // at or above
	KEV      bool      `yaml:"kev"`      // in CISA's catalogue of known exploited vulnerabilities
	EPSS     Threshold `yaml:"epss"`     // 0 to 1: at or above; an unknown EPSS does not count
}

// On says whether any criterion is set.
func (c Criteria) On() bool {
	return c.CVSS.On || c.Severity.on() || c.KEV || c.EPSS.On
}

// Grace is the time that people have to take up a fix, by severity; 0 is none.
type Grace struct {
	Critical Age `yaml:"critical"`
	High     Age `yaml:"high"`
	Medium   Age `yaml:"medium"`
	Low      Age `yaml:"low"`
}

// DatabaseRules are about the vulnerability database itself.
type DatabaseRules struct {
	MaxAge Age `yaml:"maxAge"` // 0: any age
}
