package policy

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Override is laid over the policy for the subjects that it matches. What it
// sets is kept as the document says it, since what it leaves out is left to the
// policy and to other overrides.
type Override struct {
	// Name for reports and `policy explain`; optional.
	Name  string `yaml:"name,omitempty"`
	Match Match  `yaml:"match"`
	sets  *yaml.Node
}

// Match selects subjects: by image and by namespace, by both if both are set.
type Match struct {
	// Images are globs over registry/repository, as of an exception. A subject that
	// comes from no registry matches none.
	Images []string `json:"images,omitempty" yaml:"images,omitempty"`
	// Namespaces are names or patterns without `**` ("team-*"). A question that is
	// asked about no namespace (a build, a scan) matches none.
	Namespaces []string `json:"namespaces,omitempty" yaml:"namespaces,omitempty"`
}

// overlay is what an override can set: pointers to the policy it is laid over.
// Exceptions are left out, since they name images themselves.
type overlay struct {
	Name            *string             `yaml:"name"`
	Match           *Match              `yaml:"match"`
	Enforcement     *Enforcement        `yaml:"enforcement"`
	Platforms       *[]string           `yaml:"platforms"`
	Reference       *ReferenceRules     `yaml:"reference"`
	Signatures      *SignatureOverride  `yaml:"signatures"`
	Config          *ConfigRules        `yaml:"config"`
	Content         *ContentRules       `yaml:"content"`
	SBOM            *SBOMRules          `yaml:"sbom"`
	Vulnerabilities *VulnerabilityRules `yaml:"vulnerabilities"`
	VEX             *VEXOverride        `yaml:"vex"`
	Attestations    *[]AttestationRule  `yaml:"attestations"`
	Custom          *[]CustomRule       `yaml:"rules"`
}

// SignatureOverride is what an override can say about signatures. Keys,
// identities and trust root are the policy's: they are fixed before any question
// is asked, and an override picks among them by name.
type SignatureOverride struct {
	Stages   *[]Stage  `yaml:"stages"`
	Required *Level    `yaml:"required"`
	AtLeast  *int      `yaml:"atLeast"`
	Signers  *[]string `yaml:"signers"`
}

// VEXOverride is whose VEX attestations count. Documents name the images that they
// are about, and are the policy's.
type VEXOverride struct {
	Signers *[]string `yaml:"signers"`
}

// override decodes one override: once over nothing, to find its mistakes and
// their places. What it says is laid over the policy when a subject is known.
func (d *decoder) override(n *yaml.Node, v reflect.Value, field string) {
	o := Override{sets: &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}}
	over := nothing().overlay(&SignatureOverride{})
	over.Name, over.Match = &o.Name, &o.Match
	d.value(n, reflect.ValueOf(&over).Elem(), field)
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if key := n.Content[i].Value; key != "name" && key != "match" {
			o.sets.Content = append(o.sets.Content, bare(n.Content[i]), bare(n.Content[i+1]))
		}
	}
	v.Set(reflect.ValueOf(o))
}

// bare copies a node without comments and layout.
func bare(n *yaml.Node) *yaml.Node {
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Line: n.Line, Column: n.Column}
	for _, child := range n.Content {
		c.Content = append(c.Content, bare(child))
	}
	return c
}

// overlay points at the fields of a policy that an override can set.
func (p *Policy) overlay(signatures *SignatureOverride) overlay {
	signatures.Stages, signatures.Required = &p.Signatures.Stages, &p.Signatures.Required
	signatures.AtLeast = &p.Signatures.AtLeast
	return overlay{
		Enforcement: &p.Enforcement, Platforms: &p.Platforms, Reference: &p.Reference, Signatures: signatures,
		Config: &p.Config, Content: &p.Content, SBOM: &p.SBOM, Vulnerabilities: &p.Vulnerabilities,
		VEX:          &VEXOverride{Signers: &p.VEX.Signers},
		Attestations: &p.Attestations, Custom: &p.Custom,
	}
}

// lay sets what an override sets. It was decoded before without a mistake.
func (o Override) lay(p *Policy, signers []Signer) {
	var named []string
	signatures := &SignatureOverride{Signers: &named}
	over := p.overlay(signatures)
	newDecoder("", o.sets).value(o.sets, reflect.ValueOf(&over).Elem(), "")
	if slices.Contains(o.Fields(), "signatures.signers") {
		p.Signatures.Signers = slices.DeleteFunc(slices.Clone(signers), func(s Signer) bool {
			return !slices.Contains(named, s.Name)
		})
	}
	p.complete()
}

// alone is the override over nothing.
func (o Override) alone() *Policy {
	p := nothing()
	o.lay(p, nil)
	return p
}

// Fields are the paths of what the override sets ("content.shells"), sorted. A
// list is one field.
func (o Override) Fields() []string {
	fields := leaves(o.sets, "")
	slices.Sort(fields)
	return fields
}

func leaves(n *yaml.Node, at string) []string {
	if n == nil || n.Kind != yaml.MappingNode {
		return []string{at}
	}
	var list []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		list = append(list, leaves(n.Content[i+1], joinField(at, n.Content[i].Value))...)
	}
	return list
}

// without is the override less one section.
func (o Override) without(section string) Override {
	sets := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for i := 0; i+1 < len(o.sets.Content); i += 2 {
		if o.sets.Content[i].Value != section {
			sets.Content = append(sets.Content, o.sets.Content[i], o.sets.Content[i+1])
		}
	}
	o.sets = sets
	return o
}

// Title names the override for a person.
func (o Override) Title() string {
	if o.Name != "" {
		return printable(o.Name)
	}
	var parts []string
	if len(o.Match.Images) > 0 {
		parts = append(parts, "images "+enumerate(o.Match.Images))
	}
	if len(o.Match.Namespaces) > 0 {
		parts = append(parts, "namespaces "+enumerate(o.Match.Namespaces))
	}
	return strings.Join(parts, ", ")
}

// MarshalYAML writes the override as a document would.
func (o Override) MarshalYAML() (any, error) {
	var head yaml.Node
	if err := head.Encode(struct {
		Name  string `yaml:"name,omitempty"`
		Match Match  `yaml:"match"`
	}{o.Name, o.Match}); err != nil {
		return nil, err
	}
	head.Content = append(head.Content, bare(o.sets).Content...)
	return &head, nil
}

// MarshalJSON is part of the canonical form of a policy.
func (o Override) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name  string
		Match Match
		Sets  any
	}{o.Name, o.Match, plain(o.sets)})
}

// plain is a node as maps, lists and text.
func plain(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = plain(item)
		}
		return list
	}
	return n.Value
}
