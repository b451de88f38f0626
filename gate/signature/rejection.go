package signature

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

// Bounds of what is said about attachments that prove nothing: the reasons quote
// hostile text, and end up in evidence.
const (
	maxRejections  = 100
	maxReasonBytes = 600
	maxRefusals    = 4
)

// verdicts collects what becomes of the attachments.
type verdicts struct {
	gate.Verified
	dropped       int
	droppedUnread bool
}

func (out *verdicts) reject(a gate.Attachment, digest string, err error) {
	if len(out.Rejected) == maxRejections {
		out.dropped++
		out.droppedUnread = out.droppedUnread || isUnread(err)
		return
	}
	out.Rejected = append(out.Rejected, policy.Rejection{
		SubjectDigest: digest, Layout: a.Layout, Source: a.Source,
		Reason: printable(err.Error()), Unread: isUnread(err),
	})
}

// rejectRest is one rejection for all that were not looked at.
func (out *verdicts) rejectRest(rest []gate.Attachment, digest string, err error) {
	if len(out.Rejected) == maxRejections {
		out.dropped += len(rest)
		out.droppedUnread = true
		return
	}
	out.Rejected = append(out.Rejected, policy.Rejection{
		SubjectDigest: digest, Layout: rest[0].Layout, Source: rest[0].Source,
		Reason: printable(fmt.Sprintf("%d attachments from here on were not verified: %v", len(rest), err)), Unread: true,
	})
}

func (out *verdicts) verified() gate.Verified {
	if out.dropped > 0 {
		last := &out.Rejected[len(out.Rejected)-1]
		last.Reason = fmt.Sprintf("%s (and %d more attachments rejected)", last.Reason, out.dropped)
		last.Unread = last.Unread || out.droppedUnread
	}
	return out.Verified
}

// reasons are why one signer's credentials did not fit; equal ones count once.
type reasons []error

func (r reasons) Error() string {
	var texts []string
	for _, err := range r {
		if text := err.Error(); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, ", and ")
}

func (r reasons) Unwrap() []error { return r }

// refusal is why an attachment is not by one signer.
type refusal struct {
	signer string
	err    error
}

type refusals []refusal

func (r refusals) Error() string {
	var texts []string
	for i, refusal := range r {
		if i == maxRefusals {
			texts = append(texts, fmt.Sprintf("and so for %d more signers", len(r)-i))
			break
		}
		texts = append(texts, fmt.Sprintf("not by signer %q: %v", refusal.signer, refusal.err))
	}
	return strings.Join(texts, "; ")
}

func (r refusals) Unwrap() []error {
	errs := make([]error, 0, len(r))
	for _, refusal := range r {
		errs = append(errs, refusal.err)
	}
	return errs
}

// printable makes one line of bounded length out of hostile text.
func printable(text string) string {
	line := strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)), " ")
	if len(line) <= maxReasonBytes {
		return line
	}
	cut := maxReasonBytes
	for !utf8.RuneStart(line[cut]) {
		cut--
	}
	return line[:cut] + "…"
}
