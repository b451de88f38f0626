package jetstream

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
)

// ConnectError is a server that could not be reached, or that has no JetStream.
type ConnectError struct {
	URL string // without passwords and tokens
	Err error
}

func (e *ConnectError) Error() string {
	return fmt.Sprintf("connecting to NATS at %s: %v", e.URL, e.Err)
}
func (e *ConnectError) Unwrap() error { return e.Err }

// Transient says whether it may be gone in a minute.
func (e *ConnectError) Transient() bool { return !e.refused() }

func (e *ConnectError) refused() bool {
	return errors.Is(e.Err, nats.ErrAuthorization) || errors.Is(e.Err, natsjs.ErrJetStreamNotEnabled) ||
		errors.Is(e.Err, natsjs.ErrJetStreamNotEnabledForAccount)
}

// Remedy says what to do next.
func (e *ConnectError) Remedy() string {
	switch {
	case errors.Is(e.Err, nats.ErrAuthorization):
		return "give --nats-credentials FILE, or nats://USER:PASSWORD@HOST"
	case e.refused():
		return "start the server with -js, or enable JetStream for the account"
	}
	return "is the server running? nats server check connection --server " + e.URL
}

// BusyError is a folder whose embedded server belongs to another process.
type BusyError struct{ Folder string }

func (e *BusyError) Error() string {
	return fmt.Sprintf("the state folder %s is in use by another imagegate", e.Folder)
}

// Remedy says what to do next.
func (e *BusyError) Remedy() string {
	return "wait for it, or give this one another --state folder"
}

// StorageError is a state folder that takes nothing any more.
type StorageError struct {
	Folder string
	Err    error
}

func (e *StorageError) Error() string {
	return fmt.Sprintf("the state folder %s cannot be written: %v", e.Folder, e.Err)
}
func (e *StorageError) Unwrap() error { return e.Err }

// Remedy says what to do next.
func (e *StorageError) Remedy() string { return "make room on the disk of " + e.Folder }

// redacted takes user, password and token out of a URL or a list of them.
func redacted(urls string) string {
	list := strings.Split(urls, ",")
	for i, text := range list {
		u, err := url.Parse(strings.TrimSpace(text))
		switch {
		case err != nil:
			list[i] = "(unreadable address)"
		case u.User != nil:
			u.User = url.User("…")
			list[i] = strings.Replace(u.String(), url.User("…").String(), "…", 1)
		}
	}
	return strings.Join(list, ",")
}
