package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/gate/jetstream"
)

// queueFlags say where the queue of scans is.
type queueFlags struct {
	nats  natsFlags
	state string
}

func (f *queueFlags) register(flags *pflag.FlagSet) {
	f.nats.register(flags)
	flags.Lookup("nats").Usage = "NATS server or cluster `URL` (nats://HOST:PORT, several with commas) that keeps the queue; without it it is in --state"
	flags.Lookup("nats-secret").Usage = "share what is found out about images in NATS, sealed with the secret in this `FILE`, which all workers have; without it each has a cache folder"
	flags.StringVar(&f.state, "state", "", "`FOLDER` that keeps scans where there is no --nats (default: in the cache folder)")
}

func (f *queueFlags) folder(s *shared) string {
	if f.state != "" {
		return f.state
	}
	return filepath.Join(s.cacheDir, "scans")
}

// own connects for who scans: its own server, unless there is one elsewhere.
func (f *queueFlags) own(ctx context.Context, s *shared) (*jetstream.Connection, error) {
	if err := f.nats.check(); err != nil {
		return nil, err
	}
	if f.nats.used() {
		return jetstream.Dial(ctx, f.nats.address)
	}
	return jetstream.Embed(ctx, jetstream.Embedding{Folder: f.folder(s), Listen: true})
}

// join connects for who looks at a scan or works for it: to NATS elsewhere, to the
// process on this machine that scans, or to what one has left.
func (f *queueFlags) join(ctx context.Context, s *shared) (*jetstream.Connection, error) {
	if err := f.nats.check(); err != nil {
		return nil, err
	}
	if f.nats.used() {
		return jetstream.Dial(ctx, f.nats.address)
	}
	c, err := jetstream.Embed(ctx, jetstream.Embedding{Folder: f.folder(s)})
	var busy *jetstream.BusyError
	if !errors.As(err, &busy) {
		return c, err
	}
	c, err = jetstream.Attach(ctx, f.folder(s))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, busy
	}
	return c, err
}
