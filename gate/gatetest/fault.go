package gatetest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

// Fault answers in place of the registry, or spoils what next answers.
type Fault func(w http.ResponseWriter, request *http.Request, next http.Handler)

type placedFault struct {
	part string // of the path
	do   Fault
}

// Break applies a fault to every request whose path contains part ("/blobs/",
// "/referrers/", a digest) from now on; "" means all. The fault placed last comes
// first; what it lets pass meets the others.
func (r *Registry) Break(part string, fault Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append([]placedFault{{part, fault}}, r.faults...)
}

// Mend takes all faults away.
func (r *Registry) Mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = nil
}

func (r *Registry) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		faults := r.faults
		r.mu.Unlock()
		chain(faults, next).ServeHTTP(w, request)
	})
}

// chain lets the first fault that is meant answer, with the rest as what is next.
func chain(faults []placedFault, next http.Handler) http.Handler {
	if len(faults) == 0 {
		return next
	}
	first, rest := faults[0], chain(faults[1:], next)
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if strings.Contains(request.URL.Path, first.part) {
			first.do(w, request, rest)
			return
		}
		rest.ServeHTTP(w, request)
	})
}

// Status answers with a status and an OCI error body, and the header lines given
// as "Name: value".
func Status(code int, headers ...string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for _, line := range headers {
			key, value, _ := strings.Cut(line, ": ")
			w.Header().Set(key, value)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, `{"errors":[{"code":%q,"message":"told to fail"}]}`, errorCode(code))
	}
}

// errorCode is the word that the distribution spec has for a status.
func errorCode(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "UNAUTHORIZED"
	case http.StatusForbidden:
		return "DENIED"
	case http.StatusNotFound:
		return "NAME_UNKNOWN"
	case http.StatusTooManyRequests:
		return "TOOMANYREQUESTS"
	}
	return "UNKNOWN"
}

// Times applies a fault to the first n requests and lets the others pass.
func Times(n int, fault Fault) Fault {
	budget := make(chan struct{}, n)
	for range n {
		budget <- struct{}{}
	}
	return func(w http.ResponseWriter, request *http.Request, next http.Handler) {
		select {
		case <-budget:
			fault(w, request, next)
		default:
			next.ServeHTTP(w, request)
		}
	}
}

// For applies a fault to requests with that method and lets the others pass.
func For(method string, fault Fault) Fault {
	return func(w http.ResponseWriter, request *http.Request, next http.Handler) {
		if request.Method == method {
			fault(w, request, next)
			return
		}
		next.ServeHTTP(w, request)
	}
}

// HangUp takes n bytes of what the client sends and cuts the connection.
func HangUp(n int64) Fault {
	return func(_ http.ResponseWriter, request *http.Request, _ http.Handler) {
		_, _ = io.CopyN(io.Discard, request.Body, n)
		panic(http.ErrAbortHandler)
	}
}

// Then lets something happen before the registry answers.
func Then(happen func()) Fault {
	return func(w http.ResponseWriter, request *http.Request, next http.Handler) {
		happen()
		next.ServeHTTP(w, request)
	}
}

// Page answers 200 with a web page, as a captive portal does.
func Page() Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html><title>Sign in</title><p>Please accept the terms."))
	}
}

// Body answers 200 with these bytes and media type.
func Body(mediaType string, body []byte) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write(body)
	}
}

// Truncated promises the whole body and cuts the connection after n bytes of it.
func Truncated(n int) Fault {
	return func(w http.ResponseWriter, request *http.Request, next http.Handler) {
		body := answer(w, request, next)
		_, _ = w.Write(body[:min(n, len(body))])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// Flipped inverts the lowest bit of one byte of the body; a negative offset
// counts from its end.
func Flipped(offset int) Fault {
	return func(w http.ResponseWriter, request *http.Request, next http.Handler) {
		body := answer(w, request, next)
		at := offset // of this answer: requests come side by side
		if at < 0 {
			at += len(body)
		}
		if at >= 0 && at < len(body) {
			body[at] ^= 1
		}
		_, _ = w.Write(body)
	}
}

// Hang never answers; it ends when the client gives up.
func Hang() Fault {
	return func(_ http.ResponseWriter, request *http.Request, _ http.Handler) {
		<-request.Context().Done()
	}
}

// Trickle sends the body one byte at a time with a pause after each.
func Trickle(pause time.Duration) Fault {
	return func(w http.ResponseWriter, request *http.Request, next http.Handler) {
		for _, b := range answer(w, request, next) {
			if request.Context().Err() != nil {
				return
			}
			_, _ = w.Write([]byte{b})
			_ = http.NewResponseController(w).Flush()
			time.Sleep(pause)
		}
	}
}

// Redirect sends the client to the same path below another address.
func Redirect(base string) Fault {
	return func(w http.ResponseWriter, request *http.Request, _ http.Handler) {
		http.Redirect(w, request, strings.TrimSuffix(base, "/")+request.URL.RequestURI(), http.StatusTemporaryRedirect)
	}
}

// answer lets next answer, sends its header and returns its body unsent.
func answer(w http.ResponseWriter, request *http.Request, next http.Handler) []byte {
	code, body := record(w, request, next)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(code)
	return body
}

// record lets next answer, and returns its status and body unsent.
func record(w http.ResponseWriter, request *http.Request, next http.Handler) (code int, body []byte) {
	recorded := httptest.NewRecorder()
	next.ServeHTTP(recorded, request)
	for key, values := range recorded.Header() {
		w.Header()[key] = values
	}
	return recorded.Code, bytes.Clone(recorded.Body.Bytes())
}
