package image

import (
	"fmt"
)

// Error is the one type of error at the boundary of this package, besides
// gate.ReferenceError. Its message is safe to show: secrets are cut out, and what a
// server said is reduced to one printable line.
type Error struct {
	// Op is what was being done ("resolving example.com/app:v1").
	Op string
	// Err is the cause as it was; its own message may hold secrets.
	Err error

	hint      string
	transient bool
}

// Error is one line: what was being done, and why it failed.
func (e *Error) Error() string { return e.Op + ": " + printable(e.Err.Error()) }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Remedy is what to do next; empty where nothing is known to help.
func (e *Error) Remedy() string { return e.hint }

// Transient says that the same question may be answered in a minute: the network
// or a server failed, not the image.
func (e *Error) Transient() bool { return e.transient }

// failed makes an error of this package's boundary. An error that is one already
// keeps its remedy and only says what it was part of.
func failed(err error, op string, args ...any) error {
	if err == nil {
		return nil
	}
	hint, transient := explain(err)
	return &Error{Op: fmt.Sprintf(op, args...), Err: err, hint: hint, transient: transient}
}

// refused is a refusal by this package: what was read is not what it may be, or
// not something that can be judged. It is never transient.
type refused struct{ message, remedy string }

func (e *refused) Error() string  { return e.message }
func (e *refused) Remedy() string { return e.remedy }

func refuse(format string, args ...any) error {
	return &refused{message: fmt.Sprintf(format, args...)}
}

func (e *refused) advising(remedy string) error {
	e.remedy = remedy
	return e
}

// limitError is something that was larger than a limit, named as in Limits.
type limitError struct {
	what  string
	limit string
	max   int64
}

func (e *limitError) Error() string {
	return fmt.Sprintf("%s: over the limit %s of %d", e.what, e.limit, e.max)
}

// Remedy is the same for all limits.
func (e *limitError) Remedy() string {
	return "make it smaller, or raise the limit where it is known to be that large"
}

func overLimit(limit string, limitValue int64, what string, args ...any) error {
	return &limitError{what: fmt.Sprintf(what, args...), limit: limit, max: limitValue}
}
