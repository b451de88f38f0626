package policy

import (
	"fmt"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Parse reads one policy document. name is its file name, for messages only:
// nothing is opened, and files that the policy names stay names until Resolve.
// The error is an *Error with every problem found.
func Parse(name string, data []byte) (*Policy, error) {
	return ParseFiles(File{Name: name, Data: data})
}

// ParseFiles reads a policy that is written in several documents. Each says what
// the others do not: signers, VEX, exceptions, attestations, rules and overrides
// are added up; every other field that two of them set must be the same in both.
// The policy is called by all their names. No order is meant, except that the
// first of all names comes first and that the later of two equally specific
// overrides counts. The error is an *Error with every problem found in any.
func ParseFiles(files ...File) (*Policy, error) {
	p, d, err := lay(files...)
	if err != nil {
		return nil, err
	}
	p.complete()
	p.compile(d.inside)
	p.readVEX(d.report)
	validate(p, d.report)
	if len(d.problems) > 0 {
		return nil, newError(d.problems)
	}
	return p, nil
}

// lay decodes documents over the preset that they extend. What neither of them
// sets stays unset, so that other documents can be laid over it.
func lay(files ...File) (*Policy, *decoder, error) {
	all, err := readDocuments(files)
	if err != nil {
		return nil, nil, err
	}
	p, err := base(all.root)
	if err != nil {
		return nil, nil, err
	}
	inherited := p.Exceptions
	p.APIVersion, p.Kind, p.Metadata, p.Exceptions = "", "", Metadata{}, nil
	d := newDecoder(files[0].Name, all.root)
	d.sources = all.sources
	d.value(all.root, reflect.ValueOf(p).Elem(), "")
	p.Exceptions = slices.Concat(inherited, p.Exceptions)
	p.said = map[string]string{}
	for field, n := range d.places {
		p.said[field] = fmt.Sprintf("%s:%d", d.fileOf(n), n.Line)
	}
	return p, d, nil
}

// base is the policy under a document: what its `extends` names. An unknown name
// is left for the decoder to complain about.
func base(root *yaml.Node) (*Policy, error) {
	for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); i += 2 {
		if name := root.Content[i+1].Value; root.Content[i].Value == "extends" && slices.Contains(PresetNames(), name) {
			data, err := PresetYAML(name)
			if err != nil {
				return nil, err
			}
			preset, _, err := lay(File{Name: name + ".yaml", Data: data})
			return preset, err
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
	for i := range p.Custom {
		if p.Custom[i].Level == "" {
			p.Custom[i].Level = LevelDeny
		}
	}
	for i := range p.Attestations {
		if p.Attestations[i].Level == "" {
			p.Attestations[i].Level = LevelDeny
		}
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
