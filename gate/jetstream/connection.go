package jetstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
)

// answerTime bounds the wait for one answer of the server, unless the caller's
// context does.
const answerTime = 10 * time.Second

// Connection is a connection to JetStream, wherever that is. It is safe for
// concurrent use, and survives the loss of the server: what is asked meanwhile
// fails, what is asked afterwards works again.
type Connection struct {
	nc       *nats.Conn
	js       natsjs.JetStream
	server   *server.Server // nil: it is elsewhere
	said     *complaints    // by the embedded server
	folder   string         // of the embedded server
	lock     *flock.Flock   // of that folder
	endpoint string         // file that says where the embedded server listens
}

// connect finishes a connection through nats.go.
func connect(url string, options ...nats.Option) (*Connection, error) {
	options = append([]nats.Option{
		nats.Name("imagegate"),
		nats.MaxReconnects(-1), // a cluster that is updated comes back
		nats.ReconnectWait(500 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, time.Second),
		nats.Timeout(5 * time.Second),
		nats.PingInterval(20 * time.Second),
		// Nothing is held back for a server that is gone: whoever sends is told.
		nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // each call has its own error
	}, options...)
	nc, err := nats.Connect(url, options...)
	if err != nil {
		return nil, &ConnectError{URL: redacted(url), Err: err}
	}
	js, err := natsjs.New(nc, natsjs.WithDefaultTimeout(answerTime), natsjs.WithPublishAsyncMaxPending(512))
	if err != nil {
		nc.Close()
		return nil, &ConnectError{URL: redacted(url), Err: err}
	}
	return &Connection{nc: nc, js: js}, nil
}

// JetStream is the connection as nats.go has it.
func (c *Connection) JetStream() natsjs.JetStream { return c.js }

// NATS is the plain connection below: for messages that nobody needs to keep.
func (c *Connection) NATS() *nats.Conn { return c.nc }

// Embedded says whether the server is part of this process.
func (c *Connection) Embedded() bool { return c.server != nil }

// Broken is a *StorageError where the embedded server cannot keep anything any more:
// its disk is full, or gone. It stays so until another one is started.
func (c *Connection) Broken() error {
	if c.server == nil {
		return nil
	}
	if err := c.said.unwritten(); err != nil {
		return &StorageError{Folder: c.folder, Err: err}
	}
	return nil
}

// Replicas is how many servers should keep a stream: three where there are as
// many, else one.
func (c *Connection) Replicas() int {
	if c.server == nil && len(c.nc.Servers()) >= 3 {
		return 3
	}
	return 1
}

// Close ends the connection, and the server if it is embedded. What was published
// stays in its folder.
func (c *Connection) Close() {
	c.nc.Close()
	if c.server == nil {
		return
	}
	if c.endpoint != "" {
		_ = os.Remove(c.endpoint) // a stale one is found out by whoever attaches
	}
	c.server.Shutdown()
	c.server.WaitForShutdown()
	_ = c.lock.Unlock() // the end of the process does it, too
}

// ask asks once: a cluster without a leader says nothing at all.
func (c *Connection) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := c.js.AccountInfo(ctx)
	return err
}

// readyTime bounds how long a cluster may take to elect its leader.
const readyTime = 60 * time.Second

// ready waits until JetStream answers: a cluster that was just started elects its
// leader first.
func (c *Connection) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for {
		err := c.ask(ctx)
		if err == nil || errors.Is(err, natsjs.ErrJetStreamNotEnabled) || errors.Is(err, natsjs.ErrJetStreamNotEnabledForAccount) {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("waiting for JetStream: %w", err)
		}
	}
}
