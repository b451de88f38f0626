package vuln

import (
	"errors"
	"net/http"
)

// Limits of an archive, unless WithLimits says otherwise. grype's public archive
// has some hundred megabytes and unpacks to one or two gigabytes.
const (
	DefaultMaxArchive  = 2 << 30
	DefaultMaxUnpacked = 16 << 30
)

type updateOptions struct {
	transport    http.RoundTripper
	progress     func(Progress)
	maxArchive   int64
	maxUnpacked  int64
	force        bool
	insecureHTTP bool
}

// UpdateOption changes how a database is fetched, imported or built.
type UpdateOption func(*updateOptions) error

func applyUpdateOptions(options []UpdateOption) (updateOptions, error) {
	settings := updateOptions{maxArchive: DefaultMaxArchive, maxUnpacked: DefaultMaxUnpacked, progress: func(Progress) {}}
	for _, option := range options {
		if err := option(&settings); err != nil {
			return updateOptions{}, err
		}
	}
	if settings.transport == nil {
		transport, ok := http.DefaultTransport.(*http.Transport)
		if !ok {
			return updateOptions{}, errors.New("the default transport was replaced: pass one with WithTransport")
		}
		transport = transport.Clone()
		transport.ResponseHeaderTimeout = responseTimeout
		settings.transport = transport
	}
	return settings, nil
}

// WithTransport sets how servers are reached: proxies, certificates. Default: as
// the environment says (HTTPS_PROXY, the system's certificates).
func WithTransport(transport http.RoundTripper) UpdateOption {
	return func(o *updateOptions) error {
		o.transport = transport
		return nil
	}
}

// WithProgress sets a function that is told how far the work is, often, and from
// one goroutine. Default: nobody is told.
func WithProgress(report func(Progress)) UpdateOption {
	return func(o *updateOptions) error {
		if report != nil {
			o.progress = report
		}
		return nil
	}
}

// WithLimits bounds the archive and what it unpacks to, in bytes. Default:
// DefaultMaxArchive and DefaultMaxUnpacked.
func WithLimits(archive, unpacked int64) UpdateOption {
	return func(o *updateOptions) error {
		if archive <= 0 || unpacked <= 0 {
			return errors.New("limits of a vulnerability database must be positive")
		}
		o.maxArchive, o.maxUnpacked = archive, unpacked
		return nil
	}
}

// WithForce installs a database even if it is not newer than the one in place.
// Default: an older or equal one replaces nothing.
func WithForce() UpdateOption {
	return func(o *updateOptions) error {
		o.force = true
		return nil
	}
}

// WithInsecureHTTP allows plain http to other machines. Default: to this one only.
func WithInsecureHTTP() UpdateOption {
	return func(o *updateOptions) error {
		o.insecureHTTP = true
		return nil
	}
}
