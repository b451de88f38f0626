package policy

import (
	"fmt"
	"slices"
	"strings"
)

func signatureRule() rule {
	return rule{
		RuleInfo: RuleInfo{RuleSignature, "Enough of the named signers have signed this digest",
			[]string{"signatures.required", "signatures.atLeast", "signatures.signers"},
			"A signature says who answers for the image; without one anybody who can push can run code."},
		optional: true, exceptable: true,
		level:   func(p *Policy) Level { return p.Signatures.Required },
		stages:  func(p *Policy) []Stage { return p.Signatures.Stages },
		subject: func(q *question) []Finding { return []Finding{q.signed()} },
	}
}

// signed says whether enough signers that the policy names have signed the
// subject: the digest itself, or, of an index, every platform image that is
// judged. The signature of an index counts for each of its platform images,
// since the index names them by digest.
func (q *question) signed() Finding {
	if f := missing([]Step{StepResolve}, q.evidence.Steps); f != nil {
		return f[0]
	}
	if len(q.policy.Signatures.Signers) == 0 {
		return noSigner()
	}
	status := q.evidence.Steps[StepSignatures]
	if status.State == NotRun {
		return notJudged(StepSignatures, status)
	}
	subject := q.signersOf(q.evidence.Digest)
	if q.independent(q.evidence.Digest) >= q.policy.Signatures.AtLeast {
		return Finding{Outcome: Pass, Message: "the " + q.subjectWord() + " is signed by " + enumerate(subject)}
	}
	if everywhere, ok := q.platformsSigned(); ok {
		return Finding{Outcome: Pass, Message: "every platform image is signed by " + enumerate(everywhere)}
	}
	return q.notSigned(status)
}

func noSigner() Finding {
	return Finding{
		Outcome: Fail, Message: "no signer is named, so no signature can count",
		Expected: "a signature by a signer of the policy", Actual: "no signer",
		Remedy: "add --key FILE, or --certificate-identity ID with --certificate-oidc-issuer URL, or signatures.signers in the policy",
	}
}

// signersOf are the policy's signers with a valid signature of a digest, sorted.
// A name counts once, however often it signed.
func (q *question) signersOf(digest string) []string {
	var names []string
	for _, s := range q.evidence.Signatures {
		known := slices.ContainsFunc(q.policy.Signatures.Signers, func(signer Signer) bool { return signer.Name == s.Signer })
		if known && digest != "" && s.SubjectDigest == digest && !slices.Contains(names, s.Signer) {
			names = append(names, s.Signer)
		}
	}
	slices.Sort(names)
	return names
}

// platformsSigned says whether every platform image has enough signers, and who
// signed all of them.
func (q *question) platformsSigned() ([]string, bool) {
	var everywhere []string
	for i, p := range q.platforms {
		names := append(q.signersOf(p.Digest), q.signersOf(q.evidence.Digest)...)
		slices.Sort(names)
		names = slices.Compact(names)
		if q.independent(p.Digest, q.evidence.Digest) < q.policy.Signatures.AtLeast {
			return nil, false
		}
		if i == 0 {
			everywhere = names
		}
		everywhere = slices.DeleteFunc(everywhere, func(n string) bool { return !slices.Contains(names, n) })
	}
	if len(everywhere) == 0 {
		everywhere = []string{"different signers"}
	}
	return everywhere, len(q.platforms) > 0
}

// isIndex is true where the platform images are not the subject itself.
func (q *question) isIndex() bool {
	return slices.ContainsFunc(q.platforms, func(p *Platform) bool { return p.Digest != q.evidence.Digest })
}

func (q *question) subjectWord() string {
	if q.isIndex() {
		return "index"
	}
	return "image"
}

// notSigned is undecided if what could not be read might have been a valid
// signature, and a failure if everything was read.
func (q *question) notSigned(status Status) Finding {
	s := q.policy.Signatures
	valid := q.signersOf(q.evidence.Digest)
	f := Finding{
		Expected: fmt.Sprintf("%d of the signers %s", s.AtLeast, enumerate(signerNames(s.Signers))),
		Actual:   orNone(enumerate(valid)),
	}
	switch {
	case status.State != Done:
		undecided := notJudged(StepSignatures, status)
		undecided.Expected, undecided.Actual = f.Expected, f.Actual
		return undecided
	case len(q.platforms) == 0:
		f.Outcome, f.Message = Undecided, "could not be judged: the platform images are not known, and they may be what is signed"
		return f
	case q.unread():
		f.Outcome, f.Message = Undecided, "could not be judged: an attachment could not be read, and it may be a valid signature"
		f.Message += q.rejections()
		f.Remedy = "try again; if it stays unreadable, sign " + q.evidence.Digest + " again"
		return f
	}
	f.Outcome, f.Message = Fail, "the "+q.subjectWord()+" is not signed"+q.rejections()
	if n := q.independent(q.evidence.Digest); n > 0 {
		f.Message = fmt.Sprintf("the %s is signed by %s, which is %d of %d signers", q.subjectWord(), f.Actual, n, s.AtLeast)
		if n < len(valid) {
			f.Message += ", since one identity counts once"
		}
		f.Message += q.rejections()
	}
	f.Remedy = "sign it with a key or identity that the policy names: cosign sign " + signable(q.evidence)
	return f
}

// unread says whether an attachment could not be read: it might have been valid.
func (q *question) unread() bool {
	return slices.ContainsFunc(q.evidence.Rejected, func(r Rejection) bool { return r.Unread })
}

func signerNames(signers []Signer) []string {
	names := make([]string, len(signers))
	for i, s := range signers {
		names[i] = s.Name
	}
	return names
}

// signable is what to hand to cosign: always the digest, never the tag.
func signable(e *Evidence) string {
	if e.Reference.Repository == "" {
		return "REPOSITORY@" + e.Digest
	}
	return printable(e.Reference.Registry+"/"+e.Reference.Repository) + "@" + e.Digest
}

// rejections says why what was found does not count: each reason once.
func (q *question) rejections() string {
	const most = 3
	var reasons []string
	for _, r := range q.evidence.Rejected {
		if reason := printable(r.Reason); !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	if len(reasons) == 0 && len(q.evidence.Signatures) == 0 {
		return ": no signature was found"
	}
	if len(reasons) == 0 {
		return ""
	}
	text := fmt.Sprintf("; %s rejected: %s", plural(len(q.evidence.Rejected), "attachment"), strings.Join(reasons[:min(most, len(reasons))], "; "))
	if rest := len(reasons) - most; rest > 0 {
		text += fmt.Sprintf("; and %s", plural(rest, "more reason"))
	}
	return text
}
