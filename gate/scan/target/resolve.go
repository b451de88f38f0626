package target

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/sync/errgroup"
)

// resolved looks up the references of a stream that name a tag in a registry, a
// window at a time. What is no such reference passes as it is.
func (l *lister) resolved(ctx context.Context, typed string, from stream) stream {
	return func(yield func(Reference, error) bool) {
		window := make([]looked, 0, l.options.Parallel)
		flush := func() bool {
			var group errgroup.Group
			for i := range window {
				group.Go(func() error {
					window[i] = l.resolve(ctx, window[i].Reference)
					return nil
				})
			}
			_ = group.Wait() // what fails stays a reference
			for _, one := range window {
				if one.artifact != "" {
					l.options.Skipped(one.Name, one.artifact)
				} else if !yield(one.Reference, nil) {
					return false
				}
			}
			window = window[:0]
			return true
		}
		for reference, err := range from {
			if err != nil {
				if !flush() || !yield(reference, err) {
					return
				}
				continue
			}
			reference.Target = typed
			window = append(window, looked{Reference: reference})
			if len(window) == cap(window) && !flush() {
				return
			}
		}
		flush()
	}
}

// resolve looks one reference up.
func (l *lister) resolve(ctx context.Context, r Reference) looked {
	if pinned, err := name.NewDigest(r.Name, name.WeakValidation); err == nil {
		r.Digest = pinned.DigestStr()
		return looked{Reference: r}
	}
	if transported(r.Name) {
		return looked{Reference: r}
	}
	tag, err := name.NewTag(r.Name, name.WeakValidation)
	if err != nil {
		return looked{Reference: r} // the gate says what is wrong with it
	}
	at, err := l.sessions.repository(tag.RegistryStr(), tag.RepositoryStr())
	if err != nil {
		return looked{Reference: r}
	}
	found := l.look(ctx, at, tag.TagStr(), r.Updated)
	found.Workload, found.Target = r.Workload, r.Target
	return found
}
