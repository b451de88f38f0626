package policy

import (
	"encoding/pem"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

func validateSignatures(s SignatureRules, report reporter) {
	switch n := len(s.Signers); {
	case s.AtLeast < 1:
		report("signatures.atLeast", "must be at least 1: to accept unsigned images, set required: false")
	case n > 0 && s.AtLeast > n:
		report("signatures.atLeast", "is %d of %s: no image could ever pass", s.AtLeast, plural(n, "signer"))
	}
}

// validateSigners looks at who signs; that is fixed for all overrides.
func validateSigners(s SignatureRules, report reporter) {
	const most = 100
	if len(s.Signers) > most {
		report("signatures.signers", "names more than %d signers, and each signature would be held against all of them", most)
		return
	}
	var names []string
	for i, signer := range s.Signers {
		field := fmt.Sprintf("signatures.signers[%d]", i)
		if slices.Contains(names, signer.Name) && signer.Name != "" {
			report(field+".name", "%q is named twice: two signers of one name would count as one", shortened(signer.Name))
		}
		names = append(names, signer.Name)
		validateSigner(signer, field, report)
		if twin := twinOf(signer, s.Signers[:i]); twin != nil {
			report(field, "%s", sameAs(*twin))
		}
	}
	if root := s.TrustRoot; root != nil && (root.File == "") == (root.Data == "") {
		report("signatures.trustRoot", "needs either file or data: write {file: trusted_root.json}, or leave trustRoot out for the public-good instance")
	}
}

func validateSigner(s Signer, field string, report reporter) {
	if strings.TrimSpace(s.Name) == "" {
		report(field+".name", "is missing: reports say by it who signed")
	}
	switch {
	case s.Key == nil && s.Keyless == nil:
		report(field, "has neither key nor keyless: write key: {file: cosign.pub}, or keyless: {issuer: …, subject: …}")
	case s.Key != nil && s.Keyless != nil:
		report(field, "has both key and keyless: name two signers")
	case s.Key != nil:
		validateKey(*s.Key, field+".key", report)
	default:
		validateKeyless(*s.Keyless, field+".keyless", report)
	}
}

func validateKey(k Key, field string, report reporter) {
	switch {
	case k.File == "" && k.Data == "":
		report(field, "has neither file nor data: write {file: cosign.pub}")
	case k.File != "" && k.Data != "":
		report(field, "has both file and data: keep one")
	case k.Data != "":
		if err := CheckPublicKey([]byte(k.Data)); err != nil {
			report(field+".data", "%s", err)
		}
	}
}

// CheckPublicKey says what is wrong with a public key, as the end of a sentence about
// it. It looks at the kind of PEM only; that it is a usable key is for whoever
// verifies with it to find out.
func CheckPublicKey(data []byte) error {
	block, _ := pem.Decode(data)
	switch {
	case block == nil:
		return fmt.Errorf("is not a PEM public key: it starts with -----BEGIN PUBLIC KEY-----")
	case strings.Contains(block.Type, "PRIVATE"):
		return fmt.Errorf("is a private key: name the public one (cosign public-key --key FILE writes it)")
	case block.Type != "PUBLIC KEY" && block.Type != "RSA PUBLIC KEY":
		return fmt.Errorf("is a PEM %s, not a PUBLIC KEY", strings.ToLower(printable(block.Type)))
	}
	return nil
}

// validateKeyless insists on both halves of an identity: everybody can get a
// certificate from the public-good instance, so one without the other is nobody.
func validateKeyless(k Keyless, field string, report reporter) {
	validateIdentity(field, "issuer", k.Issuer, k.IssuerRegExp, report)
	validateIdentity(field, "subject", k.Subject, k.SubjectRegExp, report)
}

func validateIdentity(field, name, exact, expression string, report reporter) {
	switch {
	case exact == "" && expression == "":
		report(field+"."+name, "is missing: without %s or %sRegExp anybody's signature would count", name, name)
	case exact != "" && expression != "":
		report(field+"."+name, "is set beside %sRegExp: keep one", name)
	case expression != "":
		if err := checkAnchored(expression); err != nil {
			report(field+"."+name+"RegExp", "%s", err)
		}
	}
}

// checkAnchored refuses an expression that matches somewhere in the middle of an
// identity, or just anything: "github.com/acme" also matches
// https://evil.example/github.com/acme, and "^https://github.com/acme" matches
// the organisation acme-evil.
func checkAnchored(expression string) error {
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return fmt.Errorf("is not a regular expression: %w", err)
	}
	compiled, err := regexp.Compile(expression)
	switch {
	case err != nil:
		return fmt.Errorf("is not a regular expression: %w", err)
	case !begins(tree):
		return fmt.Errorf("is not anchored, so it would match in the middle: begin it, and each alternative, with ^")
	case !ends(tree):
		return fmt.Errorf("has an open end, so it would match longer names too: end it, and each alternative, in $ or in a slash")
	case compiled.MatchString("") || compiled.MatchString("https://anybody.example/"):
		return fmt.Errorf("matches anybody: write ^https://github.com/acme/")
	}
	return nil
}

// begins says whether every way through an expression starts at the start.
func begins(tree *syntax.Regexp) bool {
	switch tree.Op {
	case syntax.OpBeginText:
		return true
	case syntax.OpCapture, syntax.OpConcat:
		return len(tree.Sub) > 0 && begins(tree.Sub[0])
	case syntax.OpAlternate:
		return !slices.ContainsFunc(tree.Sub, func(s *syntax.Regexp) bool { return !begins(s) })
	}
	return false
}

// ends says whether every way through an expression ends at the end, after a
// slash, or in an explicit `.*` or `.+`.
func ends(tree *syntax.Regexp) bool {
	switch tree.Op {
	case syntax.OpEndText:
		return true
	case syntax.OpLiteral:
		return tree.Rune[len(tree.Rune)-1] == '/'
	case syntax.OpStar, syntax.OpPlus:
		return tree.Sub[0].Op == syntax.OpAnyChar || tree.Sub[0].Op == syntax.OpAnyCharNotNL
	case syntax.OpCapture, syntax.OpConcat:
		return len(tree.Sub) > 0 && ends(tree.Sub[len(tree.Sub)-1])
	case syntax.OpAlternate:
		return !slices.ContainsFunc(tree.Sub, func(s *syntax.Regexp) bool { return !ends(s) })
	}
	return false
}
