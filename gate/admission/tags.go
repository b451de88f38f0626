package admission

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// tags remember what tags mean, for seconds.
type tags struct {
	inner *lru.Cache[string, meaning]
}

type meaning struct {
	digest string
	until  time.Time
}

func newTags(entries int) (tags, error) {
	inner, err := lru.New[string, meaning](entries)
	return tags{inner}, err
}

func (t tags) recall(reference string, now time.Time) (string, bool) {
	known, ok := t.inner.Get(reference)
	return known.digest, ok && now.Before(known.until)
}

func (t tags) keep(reference, digest string, until time.Time) {
	t.inner.Add(reference, meaning{digest, until})
}
