package estate

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/imagegate/imagegate/policy"
)

// Summary is what an estate comes to.
type Summary struct {
	// Scans, PolicyHashes and Databases are what the records name, each once.
	Scans        []string
	PolicyHashes []string
	Databases    []time.Time
	// From and To are when the first and the last image was judged.
	From, To time.Time

	// Images are digests, each counted in every repository and namespace that it is
	// in, since its verdict may differ there.
	Images, Allowed, Denied, Undecided int
	// Digests are counted once wherever they are, References are the names of all.
	Digests, References int
	// Exploited counts images with a vulnerability that is known to be exploited.
	Exploited int
	// Severities count vulnerabilities over all images by their word.
	Severities              map[string]int
	PulledBytes, SavedBytes int64

	Reasons    []Reason
	Fixes      []Fix
	Worst      []Image
	Exceptions []ExceptionUse
	// Changes since the baseline; nil where there was none.
	Changes *Changes
	// All images, the worst first.
	All []Image
}

// Reason is one rule that denied images or left them undecided.
type Reason struct {
	Rule    string
	Outcome policy.Outcome // fail or undecided
	Images  int
	// Message and Remedy are those of the worst such image.
	Message, Remedy string
}

// Image is one image in the estate.
type Image struct {
	Names     []string
	MoreNames int // that the record left out
	Namespace string
	Digest    string
	Verdict   policy.Decision
	// Rules that deny it or leave it undecided, and the first reason in words.
	Rules           []string
	Reason, Remedy  string
	Critical, High  int // vulnerabilities by severity
	Exploited       int
	Failing         int // vulnerabilities that the policy refuses
	CompressedBytes int64
	Platforms       []string
	JudgedAt        time.Time
	// Change since the baseline: "new", "worse", "better" or empty.
	Change Change
}

// ExceptionUse is one exception that images rely on, or relied on.
type ExceptionUse struct {
	Exception
	Images int
	// Expired and Soon are by the time of the summary.
	Expired, Soon bool
}

// Options of a summary.
type Options struct {
	// Now is the time that expiry is told by.
	Now time.Time
	// Soon is how long before its end an exception counts as ending. Default 30 days.
	Soon time.Duration
	// Fixes and Worst are how many to name. Defaults 5 and 20.
	Fixes, Worst int
	// Baseline is the estate of an earlier scan. Default none.
	Baseline *Estate
}

// Summary adds everything up. It can be asked for again after more was added.
func (e *Estate) Summary(o Options) Summary {
	o.Soon = cmp.Or(o.Soon, 30*24*time.Hour)
	s := Summary{Severities: map[string]int{}}
	sorted := slices.SortedFunc(e.each, compareWorst)
	changes := newChanges(o.Baseline)
	digests := map[string]bool{}
	for _, i := range sorted {
		s.count(i)
		if i.digest != "" {
			digests[i.digest] = true
		}
		s.All = append(s.All, i.public(changes.of(i)))
	}
	s.Digests, s.Changes = len(digests), changes.done()
	s.Scans, s.PolicyHashes = distinct(sorted, func(i *image) string { return i.scan }), distinct(sorted, func(i *image) string { return i.policy })
	s.Databases = distinctTimes(sorted)
	s.Reasons = reasons(sorted)
	s.Fixes = fixes(sorted, cmp.Or(o.Fixes, 5))
	s.Worst = worst(s.All, cmp.Or(o.Worst, 20))
	s.Exceptions = exceptions(sorted, o.Now, o.Soon)
	return s
}

func (s *Summary) count(i *image) {
	s.Images++
	switch i.verdict {
	case policy.Allow:
		s.Allowed++
	case policy.Deny:
		s.Denied++
	default:
		s.Undecided++
	}
	s.References += len(i.names) + i.rest
	if i.kev > 0 {
		s.Exploited++
	}
	for word, n := range i.all {
		s.Severities[severityWord(word)] += n
	}
	s.PulledBytes += i.pulled
	s.SavedBytes += i.saved
	if s.From.IsZero() || i.judgedAt.Before(s.From) {
		s.From = i.judgedAt
	}
	if i.judgedAt.After(s.To) {
		s.To = i.judgedAt
	}
}

// public is the image as a summary shows it.
func (i *image) public(change Change) Image {
	shown := Image{
		Names: i.names, MoreNames: i.rest, Namespace: i.namespace, Digest: i.digest, Verdict: i.verdict,
		Critical: i.severity[0], High: i.severity[1], Exploited: i.kev, Failing: i.failing,
		CompressedBytes: i.bytes, Platforms: i.platforms, JudgedAt: i.judgedAt, Change: change,
	}
	for _, f := range i.findings {
		if rank(f.Outcome) > rank(policy.Undecided) {
			continue
		}
		if shown.Reason == "" {
			shown.Reason, shown.Remedy = f.Message, f.Remedy
		}
		if !slices.Contains(shown.Rules, f.Rule) {
			shown.Rules = append(shown.Rules, f.Rule)
		}
	}
	return shown
}

// reasons count images by the rules that denied them or left them undecided.
func reasons(sorted []*image) []Reason {
	type key struct {
		rule    string
		outcome policy.Outcome
	}
	all := map[key]*Reason{}
	for _, i := range sorted {
		seen := map[key]bool{}
		for _, f := range i.findings {
			outcome := policy.Undecided
			switch f.Outcome {
			case policy.Pass, policy.Warn, policy.Skipped:
				continue
			case policy.Fail:
				outcome = policy.Fail
			}
			k := key{f.Rule, outcome}
			if all[k] == nil {
				all[k] = &Reason{Rule: f.Rule, Outcome: outcome, Message: f.Message, Remedy: f.Remedy}
			}
			if !seen[k] {
				seen[k] = true
				all[k].Images++
			}
		}
	}
	var list []Reason
	for _, r := range all {
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Images, a.Images), cmp.Compare(rank(a.Outcome), rank(b.Outcome)), cmp.Compare(a.Rule, b.Rule))
	})
	return list
}

// worst are the first n that are not allowed.
func worst(all []Image, n int) []Image {
	if i := slices.IndexFunc(all, func(i Image) bool { return i.Verdict == policy.Allow }); i >= 0 {
		all = all[:i]
	}
	return all[:min(n, len(all))]
}

// exceptions are those that findings name, the first to end first.
func exceptions(sorted []*image, now time.Time, soon time.Duration) []ExceptionUse {
	counts := map[Exception]int{}
	for _, i := range sorted {
		seen := map[Exception]bool{}
		for _, f := range i.findings {
			if f.Exception != nil && !seen[*f.Exception] {
				seen[*f.Exception] = true
				counts[*f.Exception]++
			}
		}
	}
	var list []ExceptionUse
	for e, n := range counts {
		list = append(list, ExceptionUse{Exception: e, Images: n, Expired: !now.Before(e.Expires), Soon: now.Before(e.Expires) && e.Expires.Sub(now) <= soon})
	}
	slices.SortFunc(list, func(a, b ExceptionUse) int {
		return cmp.Or(a.Expires.Compare(b.Expires), cmp.Compare(a.About, b.About), cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}

func distinct(sorted []*image, of func(*image) string) []string {
	all := map[string]bool{}
	for _, i := range sorted {
		if s := of(i); s != "" {
			all[s] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func distinctTimes(sorted []*image) []time.Time {
	all := map[time.Time]bool{}
	for _, i := range sorted {
		if !i.database.IsZero() {
			all[i.database.UTC()] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), time.Time.Compare)
}
