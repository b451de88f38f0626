package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

// shownFirst is how many findings of a rule are seen before the rest is unfolded.
const shownFirst = 6

type (
	reasonView struct {
		Class, Title string
		Rules        []ruleView
	}
	ruleView struct {
		ID, Title   string
		Platforms   []string
		First, More []findingView
		Remedies    []string
	}
	findingView struct{ Message, Detail, Excepted string }
	restView    struct{ Outcome, Rule, Platform, Message, Excepted string }

	signatureView struct {
		Signer, What, Identity, Issuer, Of string
		Times                              []signingTime
	}
	signingTime struct {
		At *timeView
		By string
	}
	rejectedView struct{ Reason, Source string }
)

// explain says why: what decided, by outcome and rule, and what did not.
func (image *imageView) explain(rules rulebook, r gate.Result) {
	for _, outcome := range []policy.Outcome{policy.Fail, policy.Undecided, policy.Warn} {
		findings := of(r.Findings, outcome)
		if len(findings) == 0 {
			continue
		}
		image.Reasons = append(image.Reasons, reasonView{
			Class: string(outcome), Title: outcomeTitle(outcome), Rules: newRules(rules, findings, len(r.Platforms) > 1),
		})
	}
	passed, skipped := of(r.Findings, policy.Pass), of(r.Findings, policy.Skipped)
	for _, f := range append(passed, skipped...) {
		image.Rest = append(image.Rest, restView{
			string(outcomeOf(f)), line(f.Rule), line(f.Platform), line(f.Message), excepted(f),
		})
	}
	image.RestTitle = fmt.Sprintf("%d passed, %d skipped", len(passed), len(skipped))
}

// newRules puts findings of one outcome together by rule, whatever the platform.
func newRules(known rulebook, findings []policy.Finding, several bool) []ruleView {
	var ids []string
	byRule := map[string][]policy.Finding{}
	for _, f := range findings {
		if byRule[f.Rule] == nil {
			ids = append(ids, f.Rule)
		}
		byRule[f.Rule] = append(byRule[f.Rule], f)
	}
	rules := make([]ruleView, len(ids))
	for i, id := range ids {
		rules[i] = newRule(known.info(id), byRule[id], several)
	}
	return rules
}

func newRule(info policy.RuleInfo, findings []policy.Finding, several bool) ruleView {
	rule := ruleView{ID: line(info.ID), Title: line(info.Title)}
	var list []findingView
	platforms := map[findingView][]string{} // that say the same
	remedies := map[string]bool{}
	for _, f := range findings {
		view := findingView{Message: line(f.Message), Excepted: excepted(f)}
		if platforms[view] == nil {
			list = append(list, view)
		}
		platforms[view] = append(platforms[view], line(f.Platform))
		if several && f.Platform != "" && !slices.Contains(rule.Platforms, line(f.Platform)) {
			rule.Platforms = append(rule.Platforms, line(f.Platform))
		}
		// What to do about a vulnerability is in its message: the version that mends it.
		if f.Remedy != "" && f.Vulnerability == "" && !remedies[f.Remedy] {
			remedies[f.Remedy] = true
			rule.Remedies = append(rule.Remedies, line(f.Remedy))
		}
	}
	for i := range list {
		if on := platforms[list[i]]; len(rule.Platforms) > 1 {
			list[i].Detail = strings.Join(on, ", ")
		}
	}
	cut := min(shownFirst, len(list))
	rule.First, rule.More = list[:cut], list[cut:]
	return rule
}

// sign lists the verified signatures and attestations, and what did not verify.
func (image *imageView) sign(r gate.Result) {
	for _, s := range r.Signatures {
		image.Signatures = append(image.Signatures, signatureView{
			Signer: line(s.Signer), What: "signature (" + line(s.Kind) + ")", Identity: line(s.Identity), Issuer: line(s.Issuer),
			Of: subject(r, s.SubjectDigest), Times: signingTimes(s.SignedAt, s.LoggedAt),
		})
	}
	for _, a := range r.Attestations {
		image.Signatures = append(image.Signatures, signatureView{
			Signer: line(a.Signer), What: "attestation (" + line(a.Kind) + ") of " + line(a.PredicateType), Identity: line(a.Identity),
			Issuer: line(a.Issuer), Of: subject(r, a.SubjectDigest), Times: signingTimes(a.SignedAt, a.LoggedAt),
		})
	}
	for _, rejection := range r.Rejected {
		image.Rejected = append(image.Rejected, rejectedView{line(rejection.Reason), line(rejection.Layout) + " " + line(rejection.Source)})
	}
	image.RejectedTitle = count(len(r.Rejected), "attachment") + " proved nothing"
	switch status := r.Evidence.Steps[policy.StepSignatures]; status.State {
	case policy.Done:
		image.NoSignature = "No signature of a named signer was found."
	case policy.Failed:
		image.NoSignature = "Could not be verified: " + line(status.Error)
	default:
		image.NoSignature = "Signatures were not verified."
	}
}

// subject says what was signed: the image or index itself or one platform image.
func subject(r gate.Result, digest string) string {
	index := !slices.ContainsFunc(r.Platforms, func(p policy.Platform) bool { return p.Digest == r.Digest })
	switch {
	case digest == r.Digest && index && len(r.Platforms) > 0:
		return "the index"
	case digest == r.Digest:
		return "this image"
	}
	for _, p := range r.Platforms {
		if p.Digest == digest {
			return line(p.Name)
		}
	}
	return short(line(digest))
}

func signingTimes(authority, log *time.Time) []signingTime {
	var times []signingTime
	if authority != nil {
		times = append(times, signingTime{newTime(authority), "timestamp authority"})
	}
	if log != nil {
		times = append(times, signingTime{newTime(log), "transparency log"})
	}
	return times
}

func newTime(t *time.Time) *timeView {
	return &timeView{t.UTC().Format(time.RFC3339), minute(*t)}
}

func pageID(prefix string, i int) string { return prefix + "-" + strconv.Itoa(i+1) }
