package admission

import (
	"time"

	"github.com/imagegate/imagegate/policy"
)

// Keep says how long verdicts are remembered. What is zero keeps its default.
type Keep struct {
	// Allowed images. Default 1 hour. As long as that, a signature that was removed
	// still counts.
	Allowed time.Duration
	// Denied images. Default 1 minute: somebody may be signing or mending the image
	// right now.
	Denied time.Duration
	// Undecided images. Default 5 seconds.
	Undecided time.Duration
	// Tag is how long a tag is believed to mean the same digest. Default 30 seconds.
	Tag time.Duration
	// LastGood is how old the last verdict allow may be that stands in where an
	// image cannot be judged now: the registry is down, the check takes too long. It
	// is of the same policy and the same digest, perhaps of an older database.
	// Default 0: none stands in.
	LastGood time.Duration
}

func (k Keep) withDefaults() Keep {
	k.Allowed = either(k.Allowed, time.Hour)
	k.Denied = either(k.Denied, time.Minute)
	k.Undecided = either(k.Undecided, 5*time.Second)
	k.Tag = either(k.Tag, 30*time.Second)
	return k
}

// time is how long a verdict is remembered, if time alone does not change it.
func (k Keep) time(d policy.Decision, byDigest bool) time.Duration {
	var keep time.Duration
	switch d {
	case policy.Allow:
		keep = k.Allowed
	case policy.Deny:
		keep = k.Denied
	default:
		keep = k.Undecided
	}
	if !byDigest {
		keep = min(keep, k.Tag)
	}
	return keep
}
