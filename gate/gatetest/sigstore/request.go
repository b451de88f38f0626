package sigstoretest

import (
	"crypto/x509"
	"time"
)

// Signer is whoever signs: a [*Key] or an [Identity].
type Signer interface {
	credential(w *World, r request) (*credential, error)
}

// credential is a key that signs once, with its certificate where it has one.
type credential struct {
	key         *Key
	certificate *x509.Certificate
	pem         []byte // the certificate, or the public key
}

// request is how something is to be signed.
type request struct {
	at          time.Time // of log entry and timestamp
	late        bool      // after the certificate expired
	withoutLog  bool
	withoutSCT  bool
	timestamped bool
	rekorV2     bool
	log         *Key   // that signs the entries, where it is not the instance's
	stamper     *World // whose authority makes timestamps
	repository  string
}

// Option changes how something is signed. Without any it is in the log, with a
// certificate timestamp, without a timestamp, and an hour old: so a certificate
// has expired since, as it has with nearly every signature in the wild.
type Option func(*request)

// At is when it is signed. Default: an hour ago.
func At(at time.Time) Option { return func(r *request) { r.at = at } }

// AfterExpiry uses the certificate an hour after it was issued for ten minutes.
func AfterExpiry() Option { return func(r *request) { r.late = true } }

// WithoutLog makes no transparency log entry.
func WithoutLog() Option { return func(r *request) { r.withoutLog = true } }

// WithoutSCT issues a certificate that is in no certificate transparency log.
func WithoutSCT() Option { return func(r *request) { r.withoutSCT = true } }

// WithTimestamp adds an RFC 3161 timestamp.
func WithTimestamp() Option { return func(r *request) { r.timestamped = true } }

// WithTimestampOf adds an RFC 3161 timestamp of another instance's authority.
func WithTimestampOf(other *World) Option {
	return func(r *request) { r.timestamped, r.stamper = true, other }
}

// WithRekorV2 logs bundles in the manner of Rekor v2: with a proof of inclusion
// and without a time, so that a certificate needs a timestamp besides.
func WithRekorV2() Option { return func(r *request) { r.rekorV2 = true } }

// WithLogKey has another key sign the log entry in the name of the instance's log.
func WithLogKey(key *Key) Option { return func(r *request) { r.log = key } }

// ForRepository is what the payload names as docker-reference. Default:
// registry.example.com/app.
func ForRepository(name string) Option { return func(r *request) { r.repository = name } }

func (w *World) request(options []Option) request {
	r := request{
		at: time.Now().Add(-time.Hour), log: w.rekor, stamper: w, repository: "registry.example.com/app",
	}
	for _, option := range options {
		option(&r)
	}
	r.at = r.at.Truncate(time.Second)
	return r
}

// issued is when the certificate's ten minutes begin.
func (r request) issued() time.Time {
	if r.late {
		return r.at.Add(-time.Hour)
	}
	return r.at.Add(-time.Minute)
}
