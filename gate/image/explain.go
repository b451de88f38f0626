package image

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
)

// explain finds what to do about an error and whether it may go away by itself.
// An error that says so itself knows best; then what a server said counts, then
// how the connection failed.
func explain(err error) (remedy string, transient bool) {
	if several, ok := err.(interface{ Unwrap() []error }); ok { // only a list itself, not what is in it
		return explainAll(several.Unwrap())
	}
	var advice interface{ Remedy() string }
	var moment interface{ Transient() bool }
	var status *statusError
	var plain *plainError
	var page *pageError
	switch {
	case errors.As(err, &advice):
		return advice.Remedy(), errors.As(err, &moment) && moment.Transient()
	case errors.As(err, &status):
		return remedyForStatus(status.code, status.host, status.retryAfter)
	case errors.As(err, &page):
		return fmt.Sprintf("look for a proxy or a sign-in page between here and %s", page.host), true
	case errors.As(err, &plain):
		return fmt.Sprintf("allow plain HTTP with --insecure-registry %s if the network is trusted", plain.host), true
	}
	return explainConnection(err)
}

// explainAll takes the word of the first that may go away: asking again then helps,
// if not completely. Otherwise that of the first that has any.
func explainAll(errs []error) (remedy string, transient bool) {
	for _, err := range errs {
		advice, momentary := explain(err)
		if momentary {
			return advice, true
		}
		if remedy == "" {
			remedy = advice
		}
	}
	return remedy, false
}

func remedyForStatus(code int, host, retryAfter string) (string, bool) {
	switch code {
	case http.StatusUnauthorized:
		return fmt.Sprintf("log in with `docker login %s`, or check the name: a repository that does not exist may look like this", host), false
	case http.StatusForbidden:
		return fmt.Sprintf("ask for read access to the repository on %s, or log in as someone who has it", host), false
	case http.StatusNotFound:
		return "check the name and the tag or digest; a private repository may also look like this without login", false
	case http.StatusTooManyRequests:
		if retryAfter != "" {
			return fmt.Sprintf("%s limits the rate of requests: try again after %s, or log in for a higher limit", host, retryAfter), true
		}
		return fmt.Sprintf("%s limits the rate of requests: try again later, or log in for a higher limit", host), true
	case http.StatusRequestTimeout:
		return "try again later", true
	}
	if code >= http.StatusInternalServerError {
		return fmt.Sprintf("%s is in trouble: try again later", host), true
	}
	return "", false
}

// explainConnection is for errors below HTTP.
func explainConnection(err error) (string, bool) {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var network net.Error
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the registry speaks plain HTTP: allow that for it with --insecure-registry HOST if the network is trusted", false
	case errors.As(err, &certificate), errors.As(err, new(x509.UnknownAuthorityError)):
		return "add the certificate authority of the registry to those the system trusts (SSL_CERT_FILE)", false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, errStalled):
		return "allow more time, or check the connection", true
	case errors.Is(err, context.Canceled):
		return "", true
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: check the host and the port", true
	case errors.As(err, &dns):
		return fmt.Sprintf("check the name %s and the name server", dns.Name), true
	case errors.Is(err, os.ErrNotExist):
		return "check the path", false
	case errors.Is(err, os.ErrPermission):
		return "check who may read it", false
	case errors.As(err, &network), errors.As(err, new(*brokenBody)),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "try again; if it persists, check the connection", true
	}
	return "", false
}
