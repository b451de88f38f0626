package image

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// maxPause is the longest that one request waits for a registry to recover. A
// longer Retry-After is the caller's to decide about.
const maxPause = 5 * time.Second

// retryTransport asks again, a few times and with growing, random pauses, where
// the failure looks like one of the moment. It repeats only requests that ask and
// change nothing; what a push sends is repeated by who knows how far it came.
type retryTransport struct {
	inner    http.RoundTripper
	attempts int
	pause    time.Duration
}

func (t *retryTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		response, err := t.inner.RoundTrip(request)
		if attempt == t.attempts || !asks(request) || !worthRepeating(response, err) {
			return response, err
		}
		pause, asked := t.pauseAfter(attempt, response)
		if asked && pause > maxPause {
			return response, err
		}
		if response != nil {
			_, _ = io.Copy(io.Discard, response.Body) // bounded below; keeps the connection
			_ = response.Body.Close()
		}
		if err := wait(request.Context(), pause); err != nil {
			return nil, err
		}
	}
}

// pauseAfter is what the server asked for, else twice as long for each attempt,
// by chance up to half more, so that many clients do not return in step.
func (t *retryTransport) pauseAfter(attempt int, response *http.Response) (pause time.Duration, asked bool) {
	if response != nil {
		if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds >= 0 {
			return time.Duration(min(seconds, 3600)) * time.Second, true
		}
	}
	pause = t.pause << (attempt - 1)
	return pause + rand.N(pause/2+1), false
}

// asks says whether a request only asks (RFC 9110, safe methods).
func asks(request *http.Request) bool {
	return request.Body == nil && (request.Method == http.MethodGet || request.Method == http.MethodHead)
}

func worthRepeating(response *http.Response, err error) bool {
	if err != nil {
		return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
			errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	}
	switch response.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
