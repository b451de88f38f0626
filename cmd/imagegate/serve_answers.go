package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/gate/admission"
)

// answerFlags say how reviews are answered.
type answerFlags struct {
	exemptNamespaces []string
	exemptImages     []string
	pin, pinNot      []string
	pinTemplates     bool
	keepAdmitted     bool
	admitPending     bool
	admitUnenforced  bool
	keep             admission.Keep
	limits           admission.Limits
}

func (f *answerFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.exemptNamespaces, "exempt-namespace", nil, "let everything into this NAMESPACE, unjudged; a pattern (kube-*); repeatable")
	flags.StringArrayVar(&f.exemptImages, "exempt-image", nil, "let this IMAGE in, unjudged: by digest, as pods name it; repeatable")
	flags.StringArrayVar(&f.pin, "pin-namespace", []string{"*"}, "/mutate pins tags in this NAMESPACE; a pattern; repeatable")
	flags.StringArrayVar(&f.pinNot, "unpinned-namespace", nil, "/mutate leaves tags alone in this NAMESPACE; a pattern; repeatable")
	flags.BoolVar(&f.pinTemplates, "pin-templates", false, "/mutate pins in the templates of workloads too, which tools that compare with a repository see as a difference")
	flags.BoolVar(&f.keepAdmitted, "keep-admitted", false, "/validate lets an update pass as far as it changes no image, whatever is known of the image by now")
	flags.BoolVar(&f.admitPending, "insecure-admit-pending", false, "let in what could not be judged in time, with a warning")
	flags.BoolVar(&f.admitUnenforced, "insecure-admit-unenforced", false, "let in what could not be judged where the policy only warns or audits")
	flags.DurationVar(&f.keep.Allowed, "keep-allowed", time.Hour, "how long to remember that an image is allowed")
	flags.DurationVar(&f.keep.Denied, "keep-denied", time.Minute, "how long to remember that an image is denied")
	flags.DurationVar(&f.keep.Undecided, "keep-undecided", 5*time.Second, "how long to remember that an image could not be judged")
	flags.DurationVar(&f.keep.Tag, "keep-tag", 30*time.Second, "how long a tag is believed to mean the same digest")
	flags.DurationVar(&f.keep.LastGood, "last-good", 0, "how old an earlier verdict may be that lets a digest in which cannot be judged now (default: none does)")
	flags.IntVar(&f.limits.Reviews, "max-reviews", 2000, "how many reviews may wait for their answer at once; more are denied")
	flags.IntVar(&f.limits.Images, "max-images", 100, "how many images one review may name")
	flags.IntVar(&f.limits.Checks, "max-checks", 8, "how many checks run at once")
	flags.IntVar(&f.limits.Waiting, "max-waiting", 1000, "how many checks may be under way; more are denied")
	flags.DurationVar(&f.limits.CheckTime, "timeout", 10*time.Minute, "time for one check, in the background too")
	flags.DurationVar(&f.limits.AnswerTime, "answer-time", 15*time.Second, "within how long to answer, even if the API server would wait longer")
	flags.IntVar(&f.limits.Verdicts, "max-verdicts", 10_000, "how many verdicts to remember in memory")
}

// options of the handler.
func (f *answerFlags) options() []admission.Option {
	options := []admission.Option{
		admission.WithLimits(f.limits), admission.WithKeep(f.keep),
		admission.WithExemptNamespaces(f.exemptNamespaces...), admission.WithExemptImages(f.exemptImages...),
		admission.WithPinning(f.pin, f.pinNot),
	}
	for _, choice := range []struct {
		on     bool
		option admission.Option
	}{
		{f.pinTemplates, admission.WithPinnedTemplates()},
		{f.keepAdmitted, admission.WithKeepAdmitted()},
		{f.admitPending, admission.WithInsecureAdmitPending()},
		{f.admitUnenforced, admission.WithInsecureAdmitUnenforced()},
	} {
		if choice.on {
			options = append(options, choice.option)
		}
	}
	return options
}
