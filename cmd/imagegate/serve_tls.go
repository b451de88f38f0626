package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"

	"github.com/spf13/pflag"
)

// tlsFlags say as whom to serve, and whom.
type tlsFlags struct {
	cert, key   string
	clientCA    string
	clientNames []string
	plain       bool
}

func (f *tlsFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.cert, "tls-cert", "", "certificate FILE of this server, with its chain (PEM)")
	flags.StringVar(&f.key, "tls-key", "", "private key FILE of that certificate (PEM)")
	flags.StringVar(&f.clientCA, "client-ca", "", "certificate FILE of the authority whose clients may ask (PEM); without it everybody may")
	flags.StringArrayVar(&f.clientNames, "client-name", nil, "common or DNS NAME that a client's certificate must have; repeatable (default: any)")
	flags.BoolVar(&f.plain, "insecure-plain-http", false, "serve plain HTTP: whoever is in between decides")
}

func (f *tlsFlags) files() []string {
	return slices.DeleteFunc([]string{f.cert, f.key, f.clientCA}, func(path string) bool { return path == "" })
}

// certificates are the TLS configuration as the files say, and change with them.
// Connections that are open keep the one that they began with.
type certificates struct {
	flags   *tlsFlags
	probes  bool // the probes are served at the same address
	current atomic.Pointer[tls.Config]
}

// load reads the files; nil where plain HTTP is asked for.
func (f *tlsFlags) load(probes bool) (*certificates, error) {
	switch {
	case f.plain && len(f.files()) > 0:
		return nil, usagef("leave out one of the two", "--insecure-plain-http does without certificates, but some are given")
	case f.plain:
		return nil, nil
	case f.cert == "" || f.key == "":
		return nil, usagef("--tls-cert tls.crt --tls-key tls.key", "API servers ask over HTTPS: give a certificate and its key")
	case f.clientCA == "" && len(f.clientNames) > 0:
		return nil, usagef("add --client-ca", "--client-name is about certificates of clients, which nobody asks for")
	}
	c := &certificates{flags: f, probes: probes}
	if err := c.reload(); err != nil {
		return nil, &usageError{err: err, hint: "imagegate serve --help"}
	}
	return c, nil
}

// reload reads the files anew. What it finds is used only if all of it can be.
func (c *certificates) reload() error {
	pair, err := tls.LoadX509KeyPair(c.flags.cert, c.flags.key)
	if err != nil {
		return fmt.Errorf("reading the certificate: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
	if c.flags.clientCA != "" {
		if config.ClientCAs, err = readAuthority(c.flags.clientCA); err != nil {
			return err
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.VerifyConnection = c.flags.verify
		if c.probes {
			// Kubelets have no certificate to show; serveReviews asks for one again.
			config.ClientAuth = tls.VerifyClientCertIfGiven
		}
	}
	c.current.Store(config)
	return nil
}

func readAuthority(path string) (*x509.CertPool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the client CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("reading the client CA: %s has no certificate", path)
	}
	return pool, nil
}

// verify holds the name of a client against those that may ask.
func (f *tlsFlags) verify(state tls.ConnectionState) error {
	if len(f.clientNames) == 0 || len(state.PeerCertificates) == 0 {
		return nil
	}
	leaf := state.PeerCertificates[0]
	if slices.Contains(f.clientNames, leaf.Subject.CommonName) || slices.ContainsFunc(leaf.DNSNames, func(n string) bool { return slices.Contains(f.clientNames, n) }) {
		return nil
	}
	return errors.New("the client's certificate has none of the names that may ask")
}

// config follows the files.
func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return c.current.Load(), nil
		},
		// ServeTLS wants to see that there is one.
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &c.current.Load().Certificates[0], nil
		},
		NextProtos: []string{"h2", "http/1.1"},
	}
}
