package signature

import (
	"errors"
	"fmt"
)

// ConfigError is a signer, trusted root or option that cannot be used: a mistake
// in the configuration, found before any image is looked at.
type ConfigError struct {
	Subject string // what it is about: `signer "release"`, "trusted root"
	Reason  string
	Hint    string // what to do about it
	Err     error  // the cause, where there is one
}

func (e *ConfigError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Subject, e.Reason, e.Err)
	}
	return e.Subject + ": " + e.Reason
}

// Remedy is what to do next.
func (e *ConfigError) Remedy() string { return e.Hint }

func (e *ConfigError) Unwrap() error { return e.Err }

// unread is an attachment that could not be looked at: it might have been valid,
// so it is no ground for a denial either.
type unread struct{ reason string }

func (e *unread) Error() string { return e.reason }

// overLimit says which limit an attachment exceeds.
func overLimit(what string, limit int) error {
	return &unread{fmt.Sprintf("%s exceeds the limit of %d", what, limit)}
}

// isUnread says whether the reason to reject an attachment leaves open what it was.
func isUnread(err error) bool {
	var u *unread
	return errors.As(err, &u)
}
