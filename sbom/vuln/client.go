package vuln

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"time"
)

const (
	// responseTimeout is how long a server may take to begin an answer, and
	// stallTimeout how long it may pause within one. The whole has no limit but
	// the context's: a database has hundreds of megabytes.
	responseTimeout = 30 * time.Second
	stallTimeout    = 60 * time.Second
	maxRedirects    = 5
)

var checksumPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// client fetches listings and archives from one address.
type client struct {
	listing *url.URL
	http    *http.Client
	options updateOptions
}

func newClient(address string, options []UpdateOption) (*client, error) {
	settings, err := applyUpdateOptions(options)
	if err != nil {
		return nil, err
	}
	listing, err := listingURL(address)
	if err != nil {
		return nil, &UpdateError{URL: address, Err: err, hint: "give the folder above v6/latest.json, or the latest.json itself"}
	}
	c := &client{listing: listing, options: settings}
	c.http = &http.Client{Transport: settings.transport, CheckRedirect: c.checkRedirect}
	if err := c.allowed(listing); err != nil {
		return nil, c.failed(err)
	}
	return c, nil
}

// errPlainHTTP is met for an address whose answers anybody on the way can change.
// The checksum is no help: it comes the same way.
var errPlainHTTP = errors.New("plain http is used for this machine only")

func (c *client) allowed(address *url.URL) error {
	if address.Scheme == "https" || c.options.insecureHTTP {
		return nil
	}
	if ip := net.ParseIP(address.Hostname()); ip != nil && ip.IsLoopback() || address.Hostname() == "localhost" {
		return nil
	}
	return errPlainHTTP
}

func (c *client) checkRedirect(next *http.Request, before []*http.Request) error {
	if len(before) >= maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	return c.allowed(next.URL)
}

// failed wraps an error with the address, and says what may help.
func (c *client) failed(err error) error {
	wrapped := &UpdateError{URL: c.listing.Redacted(), Err: err}
	var status *statusError
	var network net.Error
	switch {
	case errors.Is(err, errPlainHTTP):
		wrapped.hint = "use an https address, or allow plain http with --insecure-http"
	case errors.Is(err, errHTML):
		wrapped.hint = "check the address (the folder above v6/latest.json) and whether a proxy asks for a login"
	case errors.As(err, &status):
		wrapped.passes = status.transient()
	case errors.Is(err, context.Canceled):
	case errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errStalled):
		wrapped.passes = true
	}
	return wrapped
}

// statusError is an answer that is not 200.
type statusError struct {
	url  string
	code int
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s answered %d %s", e.url, e.code, http.StatusText(e.code))
}

func (e *statusError) transient() bool {
	return e.code >= 500 || e.code == http.StatusTooManyRequests || e.code == http.StatusRequestTimeout
}

func (c *client) latest(ctx context.Context) (Available, error) {
	body, _, err := c.get(ctx, c.listing.String())
	if err != nil {
		return Available{}, c.failed(err)
	}
	defer body.Close()
	content, err := io.ReadAll(io.LimitReader(body, maxListing+1))
	if err == nil && len(content) > maxListing {
		err = fmt.Errorf("the listing is larger than %d bytes", maxListing)
	}
	if err != nil {
		return Available{}, c.failed(err)
	}
	latest, err := parseListing(content, c.listing)
	if err != nil {
		return Available{}, c.failed(err)
	}
	return latest, nil
}

// download writes an archive to file and compares its checksum.
func (c *client) download(ctx context.Context, archive Available, file *os.File) error {
	body, size, err := c.get(ctx, archive.URL)
	if err != nil {
		return c.failed(err)
	}
	defer body.Close()
	if size > c.options.maxArchive {
		return c.failed(tooLarge("the archive", c.options.maxArchive))
	}
	sum := sha256.New()
	counted := &progressReader{reader: body, report: c.options.progress, progress: Progress{Step: StepDownload, Total: size}}
	written, err := io.Copy(io.MultiWriter(file, sum), io.LimitReader(counted, c.options.maxArchive+1))
	switch {
	case err != nil:
		return c.failed(err)
	case written > c.options.maxArchive:
		return c.failed(tooLarge("the archive", c.options.maxArchive))
	}
	if got := "sha256:" + hex.EncodeToString(sum.Sum(nil)); got != archive.Checksum {
		return c.failed(c.wrongChecksum(file, got, archive.Checksum))
	}
	return nil
}

// wrongChecksum looks whether it was a web page that came.
func (c *client) wrongChecksum(file *os.File, got, want string) error {
	start := make([]byte, 512)
	n, _ := file.ReadAt(start, 0) // a short file is looked at as far as it goes
	if looksLikeHTML(start[:n]) {
		return errHTML
	}
	return fmt.Errorf("the archive's checksum is %s, but the listing says %s", got, want)
}

func tooLarge(what string, limit int64) error {
	return fmt.Errorf("%s is larger than the limit of %d bytes", what, limit)
}

// get returns the body of a 200 answer and its length, -1 where it is not said.
func (c *client) get(ctx context.Context, address string) (io.ReadCloser, int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		cancel(nil)
		return nil, 0, err
	}
	request.Header.Set("User-Agent", "imagegate")
	// An archive is compressed already, and its checksum is of the bytes as they are.
	request.Header.Set("Accept-Encoding", "identity")
	response, err := c.http.Do(request)
	if err != nil {
		cancel(nil)
		return nil, 0, err
	}
	if response.StatusCode != http.StatusOK {
		cancel(nil)
		return nil, 0, errors.Join(&statusError{url: request.URL.Redacted(), code: response.StatusCode}, response.Body.Close())
	}
	return newStallReader(ctx, cancel, response.Body), response.ContentLength, nil
}

var errStalled = fmt.Errorf("the server sent nothing for %s", stallTimeout)

// stallReader gives up on a server that stops sending.
type stallReader struct {
	io.ReadCloser
	ctx    context.Context //nolint:containedctx // of the one request whose body this is
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func newStallReader(ctx context.Context, cancel context.CancelCauseFunc, body io.ReadCloser) *stallReader {
	return &stallReader{ReadCloser: body, ctx: ctx, cancel: cancel, timer: time.AfterFunc(stallTimeout, func() { cancel(errStalled) })}
}

func (r *stallReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.timer.Reset(stallTimeout)
	if err != nil && err != io.EOF && errors.Is(context.Cause(r.ctx), errStalled) {
		err = errStalled
	}
	return n, err
}

func (r *stallReader) Close() error {
	r.timer.Stop()
	r.cancel(nil)
	return r.ReadCloser.Close()
}
