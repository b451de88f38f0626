package jetstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Embedding says how a server runs inside this process.
type Embedding struct {
	// Folder that keeps its streams. One process at a time has it.
	Folder string
	// Listen on a random loopback port for who finds the token in Folder: Attach, and
	// workers on this machine.
	Listen bool
}

const (
	lockName     = "lock"
	endpointName = "endpoint.json"
	streamsName  = "streams"
	// syncEvery is how much of what was published a power failure may take. The end
	// of the process takes nothing.
	syncEvery = 10 * time.Second
	// recoveryTime bounds the start: the streams in the folder are read first.
	recoveryTime = 5 * time.Minute
)

// Embed starts a server in this process and connects to it. The error is a
// *BusyError where another process has the folder.
func Embed(ctx context.Context, e Embedding) (*Connection, error) {
	if err := os.MkdirAll(e.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the state folder: %w", err)
	}
	lock := flock.New(filepath.Join(e.Folder, lockName))
	if free, err := lock.TryLock(); err != nil {
		return nil, fmt.Errorf("locking the state folder: %w", err)
	} else if !free {
		return nil, &BusyError{Folder: e.Folder}
	}
	c, err := embed(ctx, e)
	if err != nil {
		_ = lock.Unlock() // the first error is the one to report
		return nil, fmt.Errorf("starting NATS in %s: %w", e.Folder, err)
	}
	c.lock = lock
	return c, nil
}

func embed(ctx context.Context, e Embedding) (*Connection, error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	token := hex.EncodeToString(secret)
	running, said, err := start(ctx, e, token)
	if err != nil {
		return nil, err
	}
	c, err := connect("", nats.InProcessServer(running), nats.Token(token))
	if err == nil {
		c.server, c.said, c.folder = running, said, e.Folder
		err = c.publishEndpoint(e, token)
	}
	if err != nil {
		running.Shutdown()
		return nil, err
	}
	return c, nil
}

// start runs the server until it takes connections, or says why it does not.
func start(ctx context.Context, e Embedding, token string) (s *server.Server, said *complaints, err error) {
	s, err = server.NewServer(&server.Options{
		ServerName:    "imagegate",
		DontListen:    !e.Listen,
		Host:          "127.0.0.1",
		Port:          server.RANDOM_PORT,
		Authorization: token,
		JetStream:     true,
		StoreDir:      filepath.Join(e.Folder, streamsName),
		SyncInterval:  syncEvery,
		NoSigs:        true, // signals are the program's
	})
	if err != nil {
		return nil, nil, err
	}
	said = &complaints{}
	s.SetLogger(said, false, false)
	go s.Start()
	deadline := time.Now().Add(recoveryTime)
	for !s.ReadyForConnections(100 * time.Millisecond) {
		if err := errors.Join(said.fatal(), ctx.Err()); err != nil || time.Now().After(deadline) {
			s.Shutdown()
			return nil, nil, errors.Join(err, said.last())
		}
	}
	if !s.JetStreamEnabled() {
		s.Shutdown()
		return nil, nil, errors.Join(errors.New("the streams cannot be read"), said.last())
	}
	return s, said, nil
}

// endpoint is where an embedded server listens, for the user alone to read.
type endpoint struct {
	URL   string `json:"url"`
	Token string `json:"token"`
	PID   int    `json:"pid"`
}

// publishEndpoint tells Attach where to find this server. It is written whole.
func (c *Connection) publishEndpoint(e Embedding, token string) error {
	path := filepath.Join(e.Folder, endpointName)
	if !e.Listen {
		_ = os.Remove(path) // what a killed process left leads nowhere
		return nil
	}
	content, err := json.Marshal(endpoint{c.server.ClientURL(), token, os.Getpid()})
	if err != nil {
		return err
	}
	temporary := path + ".new"
	_ = os.Remove(temporary) // its mode would stay
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return err
	}
	c.endpoint = path
	return os.Rename(temporary, path)
}

// Attach connects to the server that another process has embedded. The error wraps
// fs.ErrNotExist where none says that it listens.
func Attach(ctx context.Context, folder string) (*Connection, error) {
	content, err := os.ReadFile(filepath.Join(folder, endpointName))
	if err != nil {
		return nil, fmt.Errorf("finding who uses %s: %w", folder, err)
	}
	var e endpoint
	if err := json.Unmarshal(content, &e); err != nil {
		return nil, fmt.Errorf("finding who uses %s: %w", folder, err)
	}
	c, err := connect(e.URL, nats.Token(e.Token))
	if err != nil {
		return nil, err
	}
	if err := c.ready(ctx); err != nil {
		c.Close()
		return nil, &ConnectError{URL: e.URL, Err: err}
	}
	return c, nil
}

// complaints keep what the server says when it cannot go on; the rest of its log is
// not the user's concern.
type complaints struct {
	mu    sync.Mutex
	fail  error // what it ended of
	lost  error // what it could not write
	error error // the last one
}

// notWritten is how the server says that a stream takes nothing any more
// (setWriteErr in its filestore.go).
const notWritten = "Critical write error"

func (c *complaints) note(fatal bool, format string, args []any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.error = fmt.Errorf(format, args...)
	if fatal {
		c.fail = c.error
	}
	if c.lost == nil && strings.Contains(c.error.Error(), notWritten) {
		c.lost = c.error
	}
}

func (c *complaints) fatal() error     { c.mu.Lock(); defer c.mu.Unlock(); return c.fail }
func (c *complaints) unwritten() error { c.mu.Lock(); defer c.mu.Unlock(); return c.lost }
func (c *complaints) last() error      { c.mu.Lock(); defer c.mu.Unlock(); return c.error }

// Fatalf, Errorf and the others implement server.Logger.
func (c *complaints) Fatalf(format string, args ...any) { c.note(true, format, args) }

// Errorf keeps it.
func (c *complaints) Errorf(format string, args ...any) { c.note(false, format, args) }

// Warnf is not kept.
func (c *complaints) Warnf(string, ...any) {}

// Noticef is not kept.
func (c *complaints) Noticef(string, ...any) {}

// Debugf is not kept.
func (c *complaints) Debugf(string, ...any) {}

// Tracef is not kept.
func (c *complaints) Tracef(string, ...any) {}
