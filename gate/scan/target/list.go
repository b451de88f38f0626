package target

import (
	"context"
	"iter"
)

// List yields the references of targets, in their order. An error is about one
// target or a part of it, and the stream goes on: *Error where something could not
// be listed, *UsageError where a target cannot be meant. Names are not
// deduplicated: one digest may come under several.
//
// Nothing is asked before the first value is taken, and no more than a page ahead
// of it.
func List(ctx context.Context, targets []string, o Options) iter.Seq2[Reference, error] {
	o = o.withDefaults()
	l := &lister{options: o, sessions: newSessions(o)}
	return func(yield func(Reference, error) bool) {
		if err := o.Tags.check(); err != nil {
			yield(Reference{}, err)
			return
		}
		for _, typed := range targets {
			for reference, err := range l.one(ctx, typed) {
				reference.Target = typed
				if !yield(reference, err) {
					return
				}
			}
			if ctx.Err() != nil {
				yield(Reference{}, failed(typed, context.Cause(ctx), "listing %s", typed))
				return
			}
		}
	}
}

// Check says whether targets and filters can be meant, without asking anybody. The
// error is a *UsageError.
func Check(targets []string, tags Tags) error {
	for _, typed := range targets {
		if _, err := parse(typed); err != nil {
			return err
		}
	}
	return tags.check()
}

// stream is a list of references that comes as it is read.
type stream = iter.Seq2[Reference, error]

type lister struct {
	options  Options
	sessions *sessions
}

func (l *lister) one(ctx context.Context, typed string) stream {
	t, err := parse(typed)
	if err != nil {
		return just(Reference{}, err)
	}
	switch t.kind {
	case ofRegistry:
		return l.registry(ctx, t)
	case ofRepository:
		return l.repository(ctx, t, t.host, t.repository)
	case ofLines:
		return l.resolved(ctx, t.typed, l.lines(ctx, t))
	case ofLayouts:
		return l.layouts(ctx, t)
	case ofCluster:
		return l.resolved(ctx, t.typed, l.cluster(ctx, t))
	default:
		return l.resolved(ctx, t.typed, just(Reference{Name: t.rest}, nil))
	}
}

func just(r Reference, err error) stream {
	return func(yield func(Reference, error) bool) { yield(r, err) }
}
