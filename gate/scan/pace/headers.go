package pace

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// firstPause is what a host gets that does not say how long.
	firstPause = time.Second
	// longestPause bounds what a host may ask for: after it, it may say so again.
	longestPause = 5 * time.Minute
	// budgetPause bounds the wait for a budget that is used up. Windows of many hours
	// slide, so part of the budget is back much earlier.
	budgetPause = time.Minute
)

// heard notes what an answer says about how much the host can take. It has had
// enough where it refuses for now.
func (h *host) heard(response *http.Response, attempt int) (pause time.Duration, enough bool) {
	header := response.Header
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		pause = min(refusalPause(header, attempt), longestPause)
		h.pause(pause)
		return pause, true
	}
	if left, ok := number(header.Get("RateLimit-Remaining")); ok && left == 0 {
		h.pause(min(resetPause(header), budgetPause))
	}
	return 0, false
}

func refusalPause(header http.Header, attempt int) time.Duration {
	if after, ok := retryAfter(header.Get("Retry-After")); ok {
		return after + rand.N(after/20+time.Millisecond) // not all at the same moment
	}
	if left, ok := number(header.Get("RateLimit-Remaining")); ok && left == 0 && resetPause(header) > 0 {
		return min(resetPause(header), budgetPause)
	}
	pause := firstPause << min(attempt-1, 8)
	return pause + rand.N(pause/2+1)
}

// retryAfter is a number of seconds or a date (RFC 9110 section 10.2.3).
func retryAfter(text string) (time.Duration, bool) {
	if seconds, ok := number(text); ok {
		return seconds, true
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(date)), true
	}
	return 0, false
}

// resetPause is when there is a new budget: RateLimit-Reset in seconds, or Docker
// Hub's window.
func resetPause(header http.Header) time.Duration {
	if reset, ok := number(header.Get("RateLimit-Reset")); ok {
		return reset
	}
	for _, parameter := range strings.Split(header.Get("RateLimit-Remaining"), ";") {
		if window, found := strings.CutPrefix(strings.TrimSpace(parameter), "w="); found {
			seconds, _ := number(window)
			return seconds
		}
	}
	return 0
}

// number reads a count of seconds or requests, before any parameters.
func number(text string) (time.Duration, bool) {
	text, _, _ = strings.Cut(text, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	return time.Duration(n) * time.Second, err == nil
}
