package signature

import (
	"context"
	"errors"
	"fmt"
)

// contain runs one call into libraries that parse hostile bytes. A panic becomes
// an error, and the caller does not wait longer than its context: such libraries
// ignore it, so what runs on is bounded only by the size of its input.
func contain[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		r := result{err: errors.New("verification ended without an answer")}
		defer func() {
			if p := recover(); p != nil {
				r = result{err: fmt.Errorf("malformed: it makes the verification panic: %v", p)}
			}
			done <- r
		}()
		r.value, r.err = f()
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var zero T
		return zero, outOfTime(ctx)
	}
}

func outOfTime(ctx context.Context) error {
	return &unread{fmt.Sprintf("not verified in time: %v", context.Cause(ctx))}
}
