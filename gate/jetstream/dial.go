package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
)

// Address is a server or cluster elsewhere, and who we are there.
type Address struct {
	// URL of the server, or several of one cluster with commas: nats://HOST:PORT,
	// tls://HOST, ws://HOST; nats://USER:PASSWORD@HOST or nats://TOKEN@HOST.
	URL string
	// Context of the nats command, by name, instead of all that follows or beneath
	// it: what is set here counts more.
	Context string
	// Credentials FILE with a user's JWT and seed (.creds).
	Credentials string
	// CA is a PEM file of who signs the server's certificate, Certificate and Key are
	// our own.
	CA, Certificate, Key string
	// Later lets Dial succeed while the server is away: for whom it is only a memory.
	Later bool
}

// Dial connects to a server elsewhere. The error is a *ConnectError.
func Dial(ctx context.Context, a Address) (*Connection, error) {
	options, a, err := a.options()
	if err != nil {
		return nil, &ConnectError{URL: redacted(a.URL), Err: err}
	}
	c, err := connect(a.URL, options...)
	if err != nil || a.Later {
		return c, err
	}
	if err := c.ready(ctx); err != nil {
		c.Close()
		return nil, &ConnectError{URL: redacted(a.URL), Err: err}
	}
	return c, nil
}

// options are those of nats.go; the address is the one with its context laid
// beneath.
func (a Address) options() ([]nats.Option, Address, error) {
	var options []nats.Option
	if a.Context != "" {
		c, err := readContext(a.Context)
		if err != nil {
			return nil, a, err
		}
		options, a = c.beneath(a)
	}
	if a.URL == "" {
		return nil, a, errors.New("it has no address")
	}
	if a.Credentials != "" {
		options = append(options, nats.UserCredentials(a.Credentials))
	}
	if a.CA != "" {
		options = append(options, nats.RootCAs(a.CA))
	}
	if a.Certificate != "" {
		options = append(options, nats.ClientCert(a.Certificate, a.Key))
	}
	if a.Later {
		options = append(options, nats.RetryOnFailedConnect(true))
	}
	return options, a, nil
}

// natsContext is what the nats command keeps about a server
// (~/.config/nats/context/NAME.json), as far as we need it.
type natsContext struct {
	URL      string `json:"url"`
	Token    string `json:"token"`
	User     string `json:"user"`
	Password string `json:"password"`
	Creds    string `json:"creds"`
	NKey     string `json:"nkey"`
	Cert     string `json:"cert"`
	Key      string `json:"key"`
	CA       string `json:"ca"`
}

// maxContext bounds the file of a context, in bytes.
const maxContext = 1 << 20

func readContext(name string) (natsContext, error) {
	if name != filepath.Base(name) || name == "." || name == ".." {
		return natsContext{}, fmt.Errorf("%q is no name of a NATS context", name)
	}
	folder, err := configFolder()
	if err != nil {
		return natsContext{}, err
	}
	path := filepath.Join(folder, "nats", "context", name+".json")
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return natsContext{}, fmt.Errorf("there is no NATS context %q: nats context ls shows them", name)
	}
	if err == nil && info.Size() > maxContext {
		err = fmt.Errorf("%s is too large for a NATS context", path)
	}
	if err != nil {
		return natsContext{}, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return natsContext{}, err
	}
	var c natsContext
	if err := json.Unmarshal(content, &c); err != nil {
		return natsContext{}, fmt.Errorf("reading NATS context %q: %w", name, err)
	}
	return c, nil
}

// configFolder is where the nats command keeps its contexts, on every system.
func configFolder() (string, error) {
	if folder := os.Getenv("XDG_CONFIG_HOME"); folder != "" {
		return folder, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding the NATS contexts: %w", err)
	}
	return filepath.Join(home, ".config"), nil
}

// beneath lays the context under an address.
func (c natsContext) beneath(a Address) ([]nats.Option, Address) {
	for _, pair := range []struct {
		set *string
		to  string
	}{{&a.URL, c.URL}, {&a.Credentials, c.Creds}, {&a.CA, c.CA}, {&a.Certificate, c.Cert}, {&a.Key, c.Key}} {
		if *pair.set == "" {
			*pair.set = expanded(pair.to)
		}
	}
	var options []nats.Option
	if c.Token != "" {
		options = append(options, nats.Token(c.Token))
	}
	if c.User != "" {
		options = append(options, nats.UserInfo(c.User, c.Password))
	}
	if c.NKey != "" {
		if option, err := nats.NkeyOptionFromSeed(expanded(c.NKey)); err == nil {
			options = append(options, option)
		}
	}
	return options, a
}

// expanded writes out "~/", as the nats command does.
func expanded(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}

// isMissing says whether a bucket, stream or key is not there.
func isMissing(err error) bool {
	return errors.Is(err, natsjs.ErrBucketNotFound) || errors.Is(err, natsjs.ErrStreamNotFound) || errors.Is(err, natsjs.ErrKeyNotFound)
}
