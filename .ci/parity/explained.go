package main

import "regexp"

// explanation says why a difference is meant to be. All of its expressions match
// the whole of what they are about; an empty one matches anything.
type explanation struct {
	section, name, what, peer string
	difference                string
	reason                    string
}

// explanations are kept few: each is a promise that imagegate makes and its parts
// do not.
var explanations = []explanation{
	{
		section: "signatures", name: `.* bundle, SBOM attestation alone`, difference: stricter,
		reason: "an SBOM attestation is no signature, whoever made it; cosign verify takes every bundle for one",
	},
	{
		section: "signatures", name: `.*, beside another's SBOM attestation`, what: `the attestation's key, .*`, difference: stricter,
		reason: "an SBOM attestation is no signature, whoever made it; cosign verify takes every bundle for one",
	},
	{
		section: "signatures", name: `.* legacy, beside another's SBOM attestation`, what: `the key, .*`, difference: wider,
		reason: "what somebody else puts beside an image never hides a good signature; cosign stops looking at the .sig tag as soon as there is a bundle",
	},
	{
		section: "signatures", name: `.*, platforms alone`, what: `the index, .*`, difference: wider,
		reason: "an index is signed if every platform image that it names is; cosign looks beside the index alone",
	},
	{
		section: "signatures", name: `keyless, (classic|bundle)`, what: `log not demanded, .*`, difference: wider,
		reason: "a log entry that is not demanded still proves when a certificate was used; cosign does not look at it then",
	},
	{
		section: "signatures", name: `no such image`, difference: `imagegate undecided .* deny .*`,
		reason: "what cannot be found cannot be judged: undecided is neither allowed nor denied, and cosign has one exit code for both",
	},
	{
		section: "vulnerabilities", name: `.*, named`, difference: `undecided: .* the vulnerability database knows nothing about .*`,
		reason: "packages of a distribution that the database does not know are undecided, never clean",
	},
}

// The two ways in which verdicts differ, as a row writes them down.
const (
	stricter = `imagegate deny .* cosign-v\d allow .*`
	wider    = `imagegate allow .* cosign-v\d deny .*`
)

// explanationOf is the index of the explanation of one difference, or -1.
func explanationOf(r row, difference string) int {
	for i, e := range explanations {
		if matches(e.section, r.section) && matches(e.name, r.name) && matches(e.what, r.what) &&
			matches(e.peer, r.peer) && matches(e.difference, difference) {
			return i
		}
	}
	return -1
}

func matches(expression, text string) bool {
	return expression == "" || regexp.MustCompile(`(?s)\A(?:`+expression+`)\z`).MatchString(text)
}
