package policy

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/imagegate/imagegate/policy/expression"
	"github.com/imagegate/imagegate/sbom"
)

// The variables of the conditions in a policy. Their fields are those of the
// evidence, by the names that they have in JSON.
type (
	// imageFacts are the variable `image`: one platform image.
	imageFacts struct {
		Platform        string               `json:"platform"`
		Digest          string               `json:"digest"`
		Labels          map[string]string    `json:"labels"` // those of config
		Config          Config               `json:"config"`
		Size            Size                 `json:"size"`
		Content         []Content            `json:"content"`
		Distribution    sbom.Distribution    `json:"distribution"`
		Packages        []sbom.Package       `json:"packages"`
		Gaps            []string             `json:"gaps"`
		Vulnerabilities []sbom.Vulnerability `json:"vulnerabilities"`
	}
	// subjectFacts are the variable `subject`: what was asked about.
	subjectFacts struct {
		Namespace  string   `json:"namespace"` // empty where it is not known
		Reference  string   `json:"reference"` // as typed
		Transport  string   `json:"transport"`
		Registry   string   `json:"registry"`
		Repository string   `json:"repository"`
		Tag        string   `json:"tag"`
		ByDigest   bool     `json:"byDigest"`
		Digest     string   `json:"digest"`
		MediaType  string   `json:"mediaType"`
		Platforms  []string `json:"platforms"` // those that are judged
	}
	// attestationFacts are one of the variable `attestations`.
	attestationFacts struct {
		Signer        string     `json:"signer"`
		Kind          string     `json:"kind"`
		Identity      string     `json:"identity"`
		Issuer        string     `json:"issuer"`
		SubjectDigest string     `json:"subjectDigest"`
		PredicateType string     `json:"predicateType"`
		Predicate     any        `json:"predicate"`
		LoggedAt      *time.Time `json:"loggedAt"`
		SignedAt      *time.Time `json:"signedAt"`
	}
)

// vocabulary is which variables a condition has.
type vocabulary int

const (
	aboutImage     vocabulary = iota // of `rules`
	aboutPredicate                   // of `attestations`
	aboutMessage                     // as aboutImage, but the expression is text
)

func (v vocabulary) variables() map[string]any {
	variables := map[string]any{"subject": subjectFacts{}, "stage": "", "now": time.Time{}}
	if v == aboutPredicate {
		variables["predicate"], variables["attestation"] = any(nil), attestationFacts{}
		return variables
	}
	variables["image"], variables["signatures"], variables["attestations"] = imageFacts{}, []Signature{}, []attestationFacts{}
	return variables
}

// imageSteps say which steps the facts of an image come from; the longest path
// counts. What is not here is known when the reference is resolved.
var imageSteps = map[string][]Step{
	"image.labels":                 {StepConfig},
	"image.config":                 {StepConfig},
	"image.config.uid":             {StepConfig, StepFiles},
	"image.config.gid":             {StepConfig, StepFiles},
	"image.config.userError":       {StepConfig, StepFiles},
	"image.config.runnable":        {StepConfig, StepFiles},
	"image.size.uncompressedBytes": {StepConfig, StepFiles},
	"image.size.files":             {StepConfig, StepFiles},
	"image.size.largest":           {StepConfig, StepFiles},
	"image.content":                {StepConfig, StepFiles},
	"image.distribution":           {StepSBOM},
	"image.packages":               {StepSBOM},
	"image.gaps":                   {StepSBOM},
	"image.vulnerabilities":        {StepSBOM, StepVulnerabilities},
}

// stepsOf are the steps that a condition needs, in their order. A fact that is
// used as a whole needs the steps of everything in it.
func stepsOf(paths []string) []Step {
	needed := map[Step]bool{}
	for _, path := range paths {
		longest := ""
		for at := range imageSteps {
			if within(path, at) && len(at) > len(longest) {
				longest = at
			}
			if within(at, path) {
				mark(needed, imageSteps[at])
			}
		}
		mark(needed, imageSteps[longest])
	}
	return slices.DeleteFunc([]Step{StepConfig, StepFiles, StepSBOM, StepVulnerabilities}, func(s Step) bool { return !needed[s] })
}

// within says whether a path is another one, or leads further into it.
func within(path, at string) bool { return path == at || strings.HasPrefix(path, at+".") }

func mark(needed map[Step]bool, steps []Step) {
	for _, s := range steps {
		needed[s] = true
	}
}

// uses says whether one of the paths begins at a variable.
func uses(paths []string, variables ...string) bool {
	return slices.ContainsFunc(paths, func(path string) bool {
		return slices.ContainsFunc(variables, func(v string) bool { return within(path, v) })
	})
}

// facts are the variables of a condition; p is nil of one about the subject.
func (q *question) facts(p *Platform) map[string]any {
	facts := map[string]any{
		"subject": q.subjectFacts(), "stage": string(q.stage), "now": q.now,
		"signatures": q.evidence.Signatures, "attestations": q.attestationFacts(),
	}
	if p != nil {
		facts["image"] = imageFacts{
			Platform: p.Name, Digest: p.Digest, Labels: p.Config.Labels, Config: p.Config, Size: p.Size, Content: p.Content,
			Distribution: p.Distribution, Packages: p.Packages, Gaps: p.Gaps, Vulnerabilities: p.Vulnerabilities,
		}
	}
	return facts
}

func (q *question) subjectFacts() subjectFacts {
	r := q.evidence.Reference
	facts := subjectFacts{
		Namespace: q.policy.namespace, Reference: r.Typed, Transport: r.Transport, Registry: r.Registry, Repository: r.Repository, Tag: r.Tag, ByDigest: r.ByDigest,
		Digest: q.evidence.Digest, MediaType: q.evidence.MediaType,
	}
	for _, p := range q.platforms {
		facts.Platforms = append(facts.Platforms, p.Name)
	}
	return facts
}

func (q *question) attestationFacts() []attestationFacts {
	list := make([]attestationFacts, len(q.evidence.Attestations))
	for i, a := range q.evidence.Attestations {
		list[i] = factsOf(a)
	}
	return list
}

// factsOf leaves the predicate out where it is no JSON, so that asking for it is
// an error.
func factsOf(a Attestation) attestationFacts {
	var predicate any
	if json.Unmarshal(a.Predicate, &predicate) != nil {
		predicate = nil
	}
	return attestationFacts{
		Signer: a.Signer, Kind: a.Kind, Identity: a.Identity, Issuer: a.Issuer, SubjectDigest: a.SubjectDigest,
		PredicateType: a.PredicateType, Predicate: predicate, LoggedAt: a.LoggedAt, SignedAt: a.SignedAt,
	}
}

// compiler compiles the conditions of a policy and of its overrides, each once.
type compiler struct {
	languages map[vocabulary]*expression.Language
	done      map[conditionKey]*expression.Expression
	problem   func(field string, p expression.Problem)
}

type conditionKey struct {
	about  vocabulary
	source string
}

// compile makes the conditions ready for judging, and reports what is wrong with
// them at their fields.
func (p *Policy) compile(problem func(field string, p expression.Problem)) {
	c := &compiler{map[vocabulary]*expression.Language{}, map[conditionKey]*expression.Expression{}, problem}
	c.policy(p, "")
	for i, o := range p.Overrides {
		c.policy(o.alone(), fmt.Sprintf("overrides[%d]", i))
	}
	p.conditions = c.done
}

func (c *compiler) policy(p *Policy, at string) {
	for i, r := range p.Custom {
		c.condition(aboutImage, r.Expression, joinField(at, fmt.Sprintf("rules[%d].expression", i)))
		c.condition(aboutMessage, r.MessageExpression, joinField(at, fmt.Sprintf("rules[%d].messageExpression", i)))
	}
	for i, a := range p.Attestations {
		c.condition(aboutPredicate, a.Expression, joinField(at, fmt.Sprintf("attestations[%d].expression", i)))
	}
}

func (c *compiler) condition(about vocabulary, source, field string) {
	key := conditionKey{about, source}
	if strings.TrimSpace(source) == "" || c.done[key] != nil {
		return
	}
	compile := c.language(about).Compile
	if about == aboutMessage {
		compile = c.language(about).CompileText
	}
	compiled, err := compile(source)
	if wrong, ok := err.(*expression.Error); ok { //nolint:errorlint // Compile returns no other
		for _, problem := range wrong.Problems {
			problem.Message += nearName(problem.Message, c.language(about).Names())
			c.problem(field, problem)
		}
		return
	}
	c.done[key] = compiled
}

// unknownName is how the checker complains about a name.
var unknownName = regexp.MustCompile(`^(?:undefined field|undeclared reference to) '([^']+)'$`)

// nearName is the known name that an unknown one was most likely meant to be.
func nearName(complaint string, known []string) string {
	if m := unknownName.FindStringSubmatch(complaint); m != nil {
		if near := Suggest(m[1], known); near != "" {
			return fmt.Sprintf(": did you mean %q?", near)
		}
	}
	return ""
}

// language is made when the first condition needs it.
func (c *compiler) language(about vocabulary) *expression.Language {
	if c.languages[about] == nil {
		language, err := expression.New(about.variables())
		if err != nil {
			panic(fmt.Errorf("declaring the variables of conditions, which are compiled in: %w", err))
		}
		c.languages[about] = language
	}
	return c.languages[about]
}
