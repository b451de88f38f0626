package jetstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/imagegate/imagegate/gate/store"
)

// Entries keeps entries in a key-value bucket. It implements store.Backend, needs no
// connection when it is made, and is safe for concurrent use.
type Entries struct {
	connection *Connection
	bucket     Bucket

	mu     sync.Mutex
	values natsjs.KeyValue // nil: not found yet
	rest   time.Time       // nobody is asked before
}

var _ store.Backend = (*Entries)(nil)

// Bucket says which bucket, and how it is made where there is none.
type Bucket struct {
	// Name of the bucket. Default "imagegate".
	Name string
	// MaxBytes is when the entries that were written first go. Default 4 GiB; -1 is
	// as much as the account may have.
	MaxBytes int64
	// MaxAge is when an entry goes in any case. Default 30 days.
	MaxAge time.Duration
	// Replicas is how many servers keep it. Default Connection.Replicas.
	Replicas int
	// Wait bounds one Get or Put of a small entry; large ones get as much for each
	// part. Default 2 seconds.
	Wait time.Duration
}

// restTime is how long nobody is asked after a failure: a check that asks twenty
// times waits once.
const restTime = 5 * time.Second

// Entries are the entries of a bucket.
func (c *Connection) Entries(b Bucket) *Entries {
	if b.Name == "" {
		b.Name = "imagegate"
	}
	if b.MaxBytes == 0 {
		b.MaxBytes = 4 << 30
	}
	if b.MaxAge == 0 {
		b.MaxAge = 30 * 24 * time.Hour
	}
	if b.Wait <= 0 {
		b.Wait = 2 * time.Second
	}
	return &Entries{connection: c, bucket: b}
}

// errResting is the answer while nobody is asked.
var errResting = errors.New("NATS did not answer a moment ago")

// Get implements store.Backend.
func (e *Entries) Get(ctx context.Context, name string) (entry []byte, err error) {
	err = e.try(ctx, func(values natsjs.KeyValue) error {
		entry, err = e.get(ctx, values, name)
		return err
	})
	return entry, err
}

// Put implements store.Backend.
func (e *Entries) Put(ctx context.Context, name string, entry io.Reader, size int64) error {
	return e.try(ctx, func(values natsjs.KeyValue) error { return e.put(ctx, values, name, entry, size) })
}

// try runs something on the bucket, unless that has just failed. That the caller gave
// up is no failure of the server.
func (e *Entries) try(ctx context.Context, run func(natsjs.KeyValue) error) error {
	values, err := e.open(ctx)
	if err == nil {
		err = run(values)
	}
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, errResting), ctx.Err() != nil:
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.values, e.rest = nil, time.Now().Add(restTime)
	return err
}

func (e *Entries) open(ctx context.Context) (natsjs.KeyValue, error) {
	e.mu.Lock()
	values, rest := e.values, e.rest
	e.mu.Unlock()
	if time.Now().Before(rest) {
		return nil, errResting
	}
	if !e.connection.nc.IsConnected() {
		return nil, errors.New("NATS is not connected")
	}
	if values != nil {
		return values, nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.bucket.Wait)
	defer cancel()
	values, err := e.connection.bucket(ctx, e.bucket)
	if err != nil {
		return nil, fmt.Errorf("opening bucket %s: %w", e.bucket.Name, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.values = values
	return values, nil
}

// bucket finds or makes a bucket that drops the oldest when it is full. The client's
// own way to make one refuses the newest, so the stream below is made as the client
// would, less that.
func (c *Connection) bucket(ctx context.Context, b Bucket) (natsjs.KeyValue, error) {
	values, err := c.js.KeyValue(ctx, b.Name)
	if !isMissing(err) {
		return values, err
	}
	replicas := b.Replicas
	if replicas == 0 {
		replicas = c.Replicas()
	}
	_, err = c.js.CreateStream(ctx, natsjs.StreamConfig{
		Name:              "KV_" + b.Name,
		Description:       "what imagegate remembers about images",
		Subjects:          []string{"$KV." + b.Name + ".>"},
		MaxMsgsPerSubject: 1,
		MaxBytes:          b.MaxBytes,
		MaxAge:            b.MaxAge,
		Discard:           natsjs.DiscardOld,
		Storage:           natsjs.FileStorage,
		Replicas:          replicas,
		AllowDirect:       true,
		AllowRollup:       true,
		DenyDelete:        true,
	})
	if err != nil && !errors.Is(err, natsjs.ErrStreamNameAlreadyInUse) {
		return nil, err
	}
	return c.js.KeyValue(ctx, b.Name)
}
