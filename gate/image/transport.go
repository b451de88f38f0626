package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"time"
)

// Times for one request. None of them bounds a whole layer, which may take long;
// they bound silence.
const (
	dialTime   = 15 * time.Second
	headerTime = 30 * time.Second
	stallTime  = 60 * time.Second
)

// answerBytes is the limit of every body that is no blob and has no limit of its
// own: errors, pings, tokens.
const answerBytes = 256 * kib

// NewTransport is what Images use where WithTransport brings nothing else, for who
// wants to put something in front of it.
func NewTransport() http.RoundTripper { return newTransport() }

// newTransport is the connection to the network where the caller brings none.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTime, KeepAlive: dialTime}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   dialTime,
		ResponseHeaderTimeout: headerTime,
		// A layer is compressed already; anything else is small. What is hashed must
		// be what was sent.
		DisableCompression: true,
	}
}

// commitTime is how long a registry may take to answer what it was sent: some move
// a whole layer to where it belongs before they do.
const commitTime = 5 * time.Minute

// newUploadTransport is newTransport for a push.
func newUploadTransport() *http.Transport {
	t := newTransport()
	t.ResponseHeaderTimeout = commitTime
	return t
}

// decorate puts the bounds around a transport, outermost first: try again, only
// then refuse what strangers may not reach and plain HTTP, name ourselves, and
// bound what comes back.
func decorate(base http.RoundTripper, s settings, limits Limits) http.RoundTripper {
	var t http.RoundTripper = &boundedTransport{inner: base, limits: limits}
	t = &agentTransport{inner: t, agent: s.agent}
	t = &schemeTransport{inner: t, plain: s.plain}
	t = &reachTransport{inner: t, strangers: s.strangers}
	return &retryTransport{inner: t, attempts: 3, pause: 300 * time.Millisecond}
}

// agentTransport says who is asking.
type agentTransport struct {
	inner http.RoundTripper
	agent string
}

func (t *agentTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("User-Agent", t.agent)
	return t.inner.RoundTrip(request)
}

// schemeTransport refuses plain HTTP to any host but loopback and those it was
// allowed for, whoever asks: the first request, a redirect, or a token service.
type schemeTransport struct {
	inner http.RoundTripper
	plain map[string]bool // hosts with port, as in references
}

func (t *schemeTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != "https" && !isLoopback(request.URL.Hostname()) && !t.plain[request.URL.Host] {
		return nil, &plainError{host: request.URL.Host}
	}
	return t.inner.RoundTrip(request)
}

// plainError is a refusal to speak plain HTTP. It is met after HTTPS has failed,
// which may be for the moment only.
type plainError struct{ host string }

func (e *plainError) Error() string { return fmt.Sprintf("plain HTTP to %s is not allowed", e.host) }

// boundedTransport bounds bodies in bytes, by what is asked for, and in silence.
// Blobs have the limit of their descriptor, which their reader enforces.
type boundedTransport struct {
	inner  http.RoundTripper
	limits Limits
}

func (t *boundedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(request.Context())
	response, err := t.inner.RoundTrip(request.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	body := &watchedBody{inner: response.Body, cancel: cancel, ctx: ctx}
	body.timer = time.AfterFunc(stallTime, func() { cancel(errStalled) })
	body.timer.Stop()
	response.Body = body
	if limit, name, bounded := t.limitOf(request, response); bounded {
		response.Body = &limitedBody{ReadCloser: body, left: limit, max: limit, name: name, what: request.URL.Path}
	}
	return response, nil
}

func (t *boundedTransport) limitOf(request *http.Request, response *http.Response) (limit int64, name string, bounded bool) {
	kind := path.Base(path.Dir(request.URL.Path))
	success := response.StatusCode == http.StatusOK || response.StatusCode == http.StatusPartialContent
	switch {
	case success && (kind == "manifests" || kind == "referrers"):
		return t.limits.ManifestBytes, "ManifestBytes", true
	case success && (kind == "blobs" || request.Response != nil):
		return 0, "", false // a blob, or where the registry sends us for one
	}
	return answerBytes, "answerBytes", true
}

// errStalled is the end of a body that stopped coming.
var errStalled = errors.New("no bytes arrived for a minute")

// watchedBody ends a body that stops coming and frees its request when closed.
type watchedBody struct {
	inner  io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.timer.Reset(stallTime)
	n, err := b.inner.Read(p)
	b.timer.Stop() // how long we take until the next read is not the server's fault
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return n, err
	case errors.Is(context.Cause(b.ctx), errStalled):
		return n, errStalled
	}
	return n, &brokenBody{err}
}

// brokenBody is an answer that broke off, in whatever words the protocol has for
// that: a new attempt may bring all of it.
type brokenBody struct{ err error }

func (e *brokenBody) Error() string { return e.err.Error() }
func (e *brokenBody) Unwrap() error { return e.err }

func (b *watchedBody) Close() error {
	b.timer.Stop()
	err := b.inner.Close()
	b.cancel(nil)
	return err
}

// limitedBody fails as soon as there is one byte too many.
type limitedBody struct {
	io.ReadCloser
	left, max int64
	name      string
	what      string
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		return int(b.left), overLimit(b.name, b.max, "the answer to %s", b.what)
	}
	b.left -= int64(n)
	return n, err
}
