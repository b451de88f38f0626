package target

import (
	"regexp"
	"slices"
	"time"

	"github.com/Masterminds/semver/v3"
)

// Order says which tags come first.
type Order string

// The orders. A tag without a version or a time comes after those that have one.
const (
	// ByTime is when it was pushed or, where the registry does not tell, created.
	ByTime Order = "time"
	// ByVersion is the order of semantic versions, the highest first; what is no
	// version comes after those, by name.
	ByVersion Order = "version"
)

// Tags says which tags of a repository are wanted. The zero value wants all.
type Tags struct {
	// Match is what the whole tag has to match, where it is not nil: anchor it.
	Match *regexp.Regexp
	// Newest is how many to take in Order; 0 takes all.
	Newest int
	// Order of Newest. Default ByTime.
	Order Order
	// Since leaves out what was pushed or created before, where it is not zero. What
	// has no known time stays in: nothing says that it is old.
	Since time.Time
}

func (f Tags) check() error {
	switch {
	case f.Newest < 0:
		return malformed("", "the number of newest tags is negative", "give how many tags to take of each repository")
	case f.Order != "" && f.Order != ByTime && f.Order != ByVersion:
		return malformed("", "there is no order of tags called "+string(f.Order), "use time or version")
	}
	return nil
}

// byTime says whether tags have to be looked at before it is known which are wanted.
func (f Tags) byTime() bool {
	return !f.Since.IsZero() || f.Newest > 0 && f.Order != ByVersion
}

// byName leaves the tags whose name is wanted, the highest version first.
func (f Tags) byName(tags []string) []string {
	kept := slices.DeleteFunc(slices.Clone(tags), func(tag string) bool {
		return f.Match != nil && !f.Match.MatchString(tag)
	})
	slices.Sort(kept)
	kept = slices.Compact(kept)
	versions := make(map[string]*semver.Version, len(kept))
	for _, tag := range kept {
		if v, err := semver.NewVersion(tag); err == nil {
			versions[tag] = v
		}
	}
	slices.SortStableFunc(kept, func(a, b string) int { return compareVersions(versions[a], versions[b]) })
	return kept
}

// compareVersions has the highest first and what is no version last.
func compareVersions(a, b *semver.Version) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return b.Compare(a)
}

// newest leaves what is new enough, and no more than asked for.
func (f Tags) newest(all []Reference) []Reference {
	kept := slices.DeleteFunc(all, func(r Reference) bool {
		return !f.Since.IsZero() && !r.Updated.IsZero() && r.Updated.Before(f.Since)
	})
	if f.Newest == 0 {
		return kept
	}
	if f.Order != ByVersion { // else the order of names is right already
		slices.SortStableFunc(kept, func(a, b Reference) int { return b.Updated.Compare(a.Updated) })
	}
	return kept[:min(f.Newest, len(kept))]
}
