package target

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/sync/errgroup"
)

// besideTag is a tag under which cosign keeps what belongs to another image, or
// the referrers fallback of the distribution spec. The name alone proves nothing:
// anybody may push an image under it.
var besideTag = regexp.MustCompile(`^sha(256-[0-9a-f]{64}|512-[0-9a-f]{128})(\.[a-z]+)?$`)

// repository lists the tags of one repository that target and filters mean, each
// resolved to its digest.
func (l *lister) repository(ctx context.Context, t parsed, host, repository string) stream {
	return func(yield func(Reference, error) bool) {
		at, err := l.sessions.repository(host, repository)
		if err != nil {
			yield(Reference{}, failed(t.typed, err, "reading the name of a repository of %s", host))
			return
		}
		told, tags, err := l.tags(ctx, t, at)
		if err != nil {
			yield(Reference{}, failed(t.typed, err, "listing the tags of %s/%s", host, repository))
			return
		}
		filter := l.options.Tags
		tags = filter.byName(tags)
		if filter.byTime() {
			l.newest(ctx, at, tags, told, yield)
			return
		}
		taken := 0
		l.window(ctx, at, tags, told, func(r Reference, err error) bool {
			taken++
			return yield(r, err) && taken != filter.Newest
		})
	}
}

// newest looks at all tags before it can say which are the newest.
func (l *lister) newest(ctx context.Context, at place, tags []string, told times, yield func(Reference, error) bool) {
	var all []Reference
	l.window(ctx, at, tags, told, func(r Reference, err error) bool {
		all = append(all, r) // window has no errors of its own
		return err == nil
	})
	for _, r := range l.options.Tags.newest(all) {
		if !yield(r, nil) {
			return
		}
	}
}

// window resolves tags side by side, a window at a time, and yields them in order.
func (l *lister) window(ctx context.Context, at place, tags []string, told times, yield func(Reference, error) bool) {
	n := l.options.Parallel
	for len(tags) > 0 && ctx.Err() == nil {
		part := tags[:min(n, len(tags))]
		tags = tags[len(part):]
		found := make([]looked, len(part))
		var group errgroup.Group
		for i, tag := range part {
			group.Go(func() error {
				found[i] = l.look(ctx, at, tag, told[tag])
				return nil
			})
		}
		_ = group.Wait() // what fails is in found
		for _, one := range found {
			if one.artifact != "" {
				l.options.Skipped(one.Name, one.artifact)
				continue
			}
			if !yield(one.Reference, nil) {
				return
			}
		}
	}
}

// times are when a tag was pushed, where the list of tags says so.
type times map[string]time.Time

// tags reads the names of the tags that the target means. Google's registries list
// manifests with their times beside them.
func (l *lister) tags(ctx context.Context, t parsed, at place) (times, []string, error) {
	limit := l.options.Limits.Tags
	repository := at.resource.(name.Repository) //nolint:forcetypeassert // tags are of repositories
	p := &pages{sessions: l.sessions, at: at, limit: l.options.Limits.PageBytes,
		next: fmt.Sprintf("/v2/%s/tags/list?n=%d", repository.RepositoryStr(), pageSize)}
	told, all := times{}, 0
	var tags []string
	for p.next != "" {
		var page struct {
			Tags     []string
			Manifest map[string]struct {
				Tag            []string
				TimeUploadedMs string
			}
		}
		if err := p.read(ctx, &page); err != nil {
			return nil, nil, err
		}
		if all += len(page.Tags); all > limit {
			return nil, nil, overLimit("Tags", limit)
		}
		for _, tag := range page.Tags {
			switch {
			case !validTag(at, tag):
				return nil, nil, fmt.Errorf("the list holds %q, which is no tag", printable(tag))
			case t.matchesTag(tag):
				tags = append(tags, tag)
			}
		}
		for _, manifest := range page.Manifest {
			for _, tag := range manifest.Tag {
				if ms, err := strconv.ParseInt(manifest.TimeUploadedMs, 10, 64); err == nil && ms > 0 {
					told[tag] = time.UnixMilli(ms).UTC()
				}
			}
		}
	}
	return told, tags, nil
}
