package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"unicode"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Error is a target, or a part of one, that could not be listed.
type Error struct {
	// Target as typed.
	Target string
	// Op is what was being done ("listing the tags of registry.example.com/app").
	Op  string
	Err error

	remedy    string
	transient bool
}

// Error is one printable line.
func (e *Error) Error() string { return e.Op + ": " + printable(e.Err.Error()) }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Remedy is what to do next; empty where nothing is known to help.
func (e *Error) Remedy() string { return e.remedy }

// Transient says that the same question may be answered in a minute.
func (e *Error) Transient() bool { return e.transient }

// UsageError is a target or a filter that cannot be meant.
type UsageError struct {
	Target  string
	Message string
	Hint    string
}

func (e *UsageError) Error() string { return e.Message }

// Remedy is what to do next.
func (e *UsageError) Remedy() string { return e.Hint }

func malformed(typed, message, hint string) error {
	return &UsageError{Target: typed, Message: printable(message), Hint: printable(hint)}
}

// failed makes an error of this package's boundary.
func failed(typed string, err error, op string, args ...any) error {
	remedy, transient := explain(err)
	return &Error{Target: typed, Op: printable(fmt.Sprintf(op, args...)), Err: err, remedy: remedy, transient: transient}
}

// statusError is an answer of a registry that is none.
type statusError struct {
	code int
	host string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s answered %d %s", e.host, e.code, http.StatusText(e.code))
}

// advised is an error with its remedy.
type advised struct{ message, remedy string }

func (e *advised) Error() string  { return e.message }
func (e *advised) Remedy() string { return e.remedy }

func overLimit(name string, limit any) error {
	return &advised{fmt.Sprintf("over the limit %s of %v", name, limit), "name smaller targets"}
}

// explain finds what to do about an error and whether it may go away by itself.
func explain(err error) (remedy string, transient bool) {
	var advice interface{ Remedy() string }
	var status *statusError
	var login *transport.Error
	var network net.Error
	switch {
	case errors.As(err, &advice):
		return advice.Remedy(), false
	case errors.As(err, &status):
		return remedyForStatus(status.code, status.host)
	case errors.As(err, &login) && login.Request != nil:
		return remedyForStatus(login.StatusCode, login.Request.URL.Host)
	case errors.Is(err, context.Canceled):
		return "", true
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network):
		return "check the name and the connection, then try again", true
	}
	return "", false
}

func remedyForStatus(code int, host string) (string, bool) {
	switch {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fmt.Sprintf("log in with `docker login %s` as someone who may read it", host), false
	case code == http.StatusNotFound:
		return "check the name; a private repository may also look like this without login", false
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= http.StatusInternalServerError:
		return "try again later", true
	}
	return "", false
}

// maxMessage keeps what a server said to one short line.
const maxMessage = 600

// printable makes hostile text fit for one line.
func printable(s string) string {
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
