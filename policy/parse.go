package policy

import (
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Parse reads one policy document. name is its file name, for messages only:
// nothing is opened, and files that the policy names stay names until Resolve.
// The error is an *Error with every problem found.
func Parse(name string, data []byte) (*Policy, error) {
	root, err := readDocument(name, data)
	if err != nil {
		return nil, err
	}
	d := newDecoder(name, root)
	p, err := d.base(root)
	if err != nil {
		return nil, err
	}
	inherited := p.Exceptions
	p.APIVersion, p.Kind, p.Metadata, p.Exceptions = "", "", Metadata{}, nil
	d.value(root, reflect.ValueOf(p).Elem(), "")
	p.Exceptions = slices.Concat(inherited, p.Exceptions)
	p.complete()
	validate(p, d.report)
	if len(d.problems) > 0 {
		return nil, newError(d.problems)
	}
	return p, nil
}

// base is the policy under the document: what its `extends` names. An unknown
// name is left for the decoder to complain about.
func (d *decoder) base(root *yaml.Node) (*Policy, error) {
	for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); i += 2 {
		name := root.Content[i+1].Value
		if root.Content[i].Value == "extends" && slices.Contains(PresetNames(), name) {
			return Preset(name)
		}
	}
	return nothing(), nil
}

// nothing is the policy that demands nothing, with the defaults of everything
// that says how to judge.
func nothing() *Policy {
	return &Policy{
		Extends:     BaseNothing,
		Enforcement: Enforce,
		Platforms:   []string{AllPlatforms},
		Reference:   ReferenceRules{Digest: DigestAny},
		Signatures: SignatureRules{
			AtLeast:         1,
			TransparencyLog: LogRequired,
			Timestamp:       TimestampAccepted,
		},
		SBOM: SBOMRules{Complete: CompleteIgnore},
		Vulnerabilities: VulnerabilityRules{
			Deny:       Criteria{Severity: SeverityOff},
			Warn:       Criteria{Severity: SeverityOff},
			Unscored:   UnscoredSeverity,
			Assessment: AssessmentFirst,
		},
	}
}

// complete writes out what follows from the rest, so that the effective policy
// says everything.
func (p *Policy) complete() {
	if p.Signatures.Required == "" && len(p.Signatures.Signers) > 0 {
		p.Signatures.Required = LevelDeny
	}
	for _, level := range p.levels() {
		if *level == "" {
			*level = LevelAllow
		}
	}
}

func (p *Policy) levels() []*Level {
	config, content := &p.Config, &p.Content
	return []*Level{
		&p.Signatures.Required,
		&config.NonRoot, &config.NonRootGroup, &config.NumericUser, &config.EntrypointRunnable,
		&content.Shells, &content.Interpreters, &content.DebugTools, &content.PackageManagers,
		&content.Setuid, &content.Secrets,
	}
}
