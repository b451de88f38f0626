package main

import (
	"context"
	"crypto/sha256"
	"os"

	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/gate/jetstream"
	"github.com/imagegate/imagegate/gate/store"
)

// natsFlags say where NATS JetStream is, and who we are there.
type natsFlags struct {
	address jetstream.Address
	secret  string
}

func (f *natsFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.address.URL, "nats", "", "NATS server or cluster `URL` (nats://HOST:PORT, several with commas); without it what is remembered is in the cache folder")
	flags.StringVar(&f.address.Context, "nats-context", "", "NATS context, by its `NAME` in the nats command")
	flags.StringVar(&f.address.Credentials, "nats-credentials", "", "`FILE` with a NATS user's JWT and seed (.creds)")
	flags.StringVar(&f.address.CA, "nats-ca", "", "`FILE` of who signs the NATS server's certificate (PEM)")
	flags.StringVar(&f.address.Certificate, "nats-cert", "", "certificate `FILE` for NATS (PEM)")
	flags.StringVar(&f.address.Key, "nats-key", "", "key `FILE` of that certificate (PEM)")
	flags.StringVar(&f.secret, "nats-secret", "", "`FILE` with a secret that all replicas have: what others write into NATS is not believed")
}

// used says whether a server elsewhere is named.
func (f *natsFlags) used() bool { return f.address.URL != "" || f.address.Context != "" }

// check says what cannot be meant.
func (f *natsFlags) check() error {
	switch {
	case f.secret != "" && !f.used():
		return usagef("add --nats nats://HOST:4222", "--nats-secret is for NATS, but there is none")
	case (f.address.Certificate == "") != (f.address.Key == ""):
		return usagef("give both", "--nats-cert and --nats-key belong together")
	}
	return nil
}

// share makes a memory one that is kept in NATS, where there is a secret for it.
func (f *natsFlags) share(c *jetstream.Connection, memory *memoryFlags) error {
	if f.secret == "" {
		return nil
	}
	secret, err := f.seal()
	if err != nil {
		return err
	}
	memory.shared = &sharedMemory{backend: c.Entries(jetstream.Bucket{}), secret: secret}
	return nil
}

// minSecret is the least that a secret may be, in bytes.
const minSecret = 16

// memory keeps what is remembered in a bucket. It does not wait for the server: as
// long as that is away, nothing is remembered.
func (f *natsFlags) memory(ctx context.Context, warn func(error)) (m memory, done func(), err error) {
	secret, err := f.seal()
	if err != nil {
		return memory{}, nil, err
	}
	address := f.address
	address.Later = true
	connection, err := jetstream.Dial(ctx, address)
	if err != nil {
		return memory{}, nil, &usageError{err: err, hint: remedy(err)}
	}
	kept, err := store.New(connection.Entries(jetstream.Bucket{}), secret, store.WithWarning(warn))
	if err != nil {
		connection.Close()
		return memory{}, nil, err
	}
	return memory{Memory: kept}, connection.Close, nil
}

// seal is what entries are sealed with.
func (f *natsFlags) seal() ([]byte, error) {
	const hint = "head -c 32 /dev/urandom > secret, the same for all replicas"
	if f.secret == "" {
		return nil, usagef(hint, "--nats needs --nats-secret: whoever may write there could write verdicts")
	}
	text, err := os.ReadFile(f.secret)
	if err != nil {
		return nil, usagef(hint, "reading the secret: %w", err)
	}
	if len(text) < minSecret {
		return nil, usagef(hint, "the secret %s has %d bytes, at least %d are needed", f.secret, len(text), minSecret)
	}
	sum := sha256.Sum256(append([]byte("imagegate nats secret\n"), text...))
	return sum[:], nil
}
