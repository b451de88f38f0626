package gate

import "errors"

// ReferenceError is a reference that names nothing: a mistake of whoever typed
// it, not a state of the world.
type ReferenceError struct {
	Reference string
	Reason    string
	Hint      string // the nearest right thing, where there is one
}

func (e *ReferenceError) Error() string { return e.Reason }

// Remedy is what to do next.
func (e *ReferenceError) Remedy() string { return e.Hint }

// remedyOf finds what an error says to do next. Every engine's typed error may
// carry a Remedy method; gate knows no engine, so it asks for the method.
func remedyOf(err error) string {
	var r interface{ Remedy() string }
	if errors.As(err, &r) {
		return r.Remedy()
	}
	return ""
}

// transient says whether an error may be gone in a minute: whoever made it says
// so with a Transient method.
func transient(err error) bool {
	var t interface{ Transient() bool }
	return errors.As(err, &t) && t.Transient()
}
