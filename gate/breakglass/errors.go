package breakglass

import "fmt"

// Why says in one word what is wrong with a token: a label for metrics, and
// stable.
type Why string

// What can be wrong with a token.
const (
	Malformed      Why = "malformed"       // no token of ours, or not within its bounds
	UnknownKey     Why = "unknown-key"     // signed by no key that the gate was given
	WrongAudience  Why = "wrong-audience"  // made for something else
	TooLong        Why = "too-long"        // lives longer than is allowed
	NotYetValid    Why = "not-yet-valid"   // begins in the future
	Expired        Why = "expired"         // is over
	WrongNamespace Why = "wrong-namespace" // for another namespace
	WrongDigest    Why = "wrong-digest"    // for other digests
)

// Error is the one type of error about tokens. Its message never contains the
// token.
type Error struct {
	Why     Why
	message string
}

func refuse(why Why, format string, args ...any) error {
	return &Error{Why: why, message: fmt.Sprintf(format, args...)}
}

// Error is one line.
func (e *Error) Error() string { return "break-glass token: " + e.message }

// Remedy is what to do next.
func (e *Error) Remedy() string {
	switch e.Why {
	case UnknownKey:
		return "sign with a key whose public half the gate was given, or give it that half"
	case TooLong:
		return "sign one that ends sooner: imagegate breakglass sign --for 4h"
	case NotYetValid:
		return "compare the clocks of the machine that signed it and of the gate"
	case WrongNamespace, WrongDigest, Expired:
		return "sign another one: imagegate breakglass sign --digest … --namespace …"
	default:
		return "make one with imagegate breakglass sign"
	}
}

// KeyError is a key that cannot be used.
type KeyError struct {
	message string
	Err     error // nil where nothing failed below
}

// Error is one line.
func (e *KeyError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("break-glass key: %s: %v", e.message, e.Err)
	}
	return "break-glass key: " + e.message
}

// Unwrap is the cause.
func (e *KeyError) Unwrap() error { return e.Err }

// Remedy is what to do next.
func (e *KeyError) Remedy() string { return "make a pair with imagegate breakglass keygen" }
