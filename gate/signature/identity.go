package signature

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/sigstore/cosign/v2/pkg/cosign"
)

// Identity is what a Fulcio certificate must say about its holder: who vouched
// for it (the OIDC issuer) and who it is (the subject alternative name: an e-mail
// address or a URI, such as that of a workflow). Of each pair exactly one is set.
//
// Expressions are Go regular expressions and always match from the first
// character. One that starts with ^ is its author's to end, so that
// ^https://github.com/acme/ means everything below it; any other must match to
// the last character.
type Identity struct {
	Issuer        string
	IssuerRegExp  string
	Subject       string
	SubjectRegExp string
}

// identity is an Identity that can be asked.
type identity struct {
	issuer, subject matcher
}

func compileIdentity(id Identity) (*identity, error) {
	issuer, err := compileMatcher(id.Issuer, id.IssuerRegExp)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	subject, err := compileMatcher(id.Subject, id.SubjectRegExp)
	if err != nil {
		return nil, fmt.Errorf("subject: %w", err)
	}
	return &identity{issuer: issuer, subject: subject}, nil
}

// cosign is the identity in cosign's words.
func (id *identity) cosign() cosign.Identity {
	return cosign.Identity{
		Issuer:        id.issuer.exact,
		IssuerRegExp:  id.issuer.pattern(),
		Subject:       id.subject.exact,
		SubjectRegExp: id.subject.pattern(),
	}
}

// matcher is one exact value or one anchored expression; never neither, since
// cosign takes an absent condition for one that is met.
type matcher struct {
	exact      string
	expression *regexp.Regexp
}

func compileMatcher(exact, expression string) (matcher, error) {
	switch {
	case exact == "" && expression == "":
		return matcher{}, errors.New("no value and no expression: anybody would match")
	case exact != "" && expression != "":
		return matcher{}, errors.New("both a value and an expression are given")
	case exact != "":
		return matcher{exact: exact}, nil
	}
	if len(expression) > maxExpression {
		return matcher{}, fmt.Errorf("expression is longer than %d bytes", maxExpression)
	}
	if _, err := regexp.Compile(expression); err != nil {
		return matcher{}, err
	}
	m := matcher{expression: regexp.MustCompile(anchor(expression))}
	for _, nobody := range nobodies {
		if m.matches(nobody) {
			return matcher{}, fmt.Errorf("expression %q matches anybody", expression)
		}
	}
	return m, nil
}

// maxExpression bounds the length of an expression, in bytes.
const maxExpression = 1024

// nobodies are values that no policy means to trust; an expression that matches
// one of them was meant to match anything. The names are reserved (RFC 2606).
var nobodies = []string{"", "-", "nobody@nowhere.invalid", "https://nowhere.invalid/nobody"}

// anchor wraps an expression that compiles by itself, so that its parentheses
// cannot close ours, and any alternative in it is anchored too.
func anchor(expression string) string {
	if strings.HasPrefix(expression, "^") {
		return `\A(?:` + expression + `)`
	}
	return `\A(?:` + expression + `)\z`
}

func (m matcher) matches(value string) bool {
	if m.expression != nil {
		return m.expression.MatchString(value)
	}
	return m.exact != "" && m.exact == value
}

func (m matcher) pattern() string {
	if m.expression == nil {
		return ""
	}
	return m.expression.String()
}
