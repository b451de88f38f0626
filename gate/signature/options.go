package signature

import (
	"fmt"
	"time"
)

// Option changes how a [Verifier] verifies; it may refuse what it is given.
type Option func(*Verifier) error

// WithTrustedRoot sets whose certificates, logs and timestamps are believed: the
// bytes of a trusted_root.json (application/vnd.dev.sigstore.trustedroot+json,
// version 0.1). Default: the public-good instance, see [PublicGoodRoot].
func WithTrustedRoot(trustedRoot []byte) Option {
	return func(v *Verifier) error { return v.trust(trustedRoot) }
}

// WithTimestampRequired demands an RFC 3161 timestamp of one of the trusted
// root's authorities on every signature, by key or certificate. Default: one is
// used to date a certificate where there is one.
func WithTimestampRequired() Option {
	return func(v *Verifier) error {
		v.timestampRequired = true
		return nil
	}
}

// WithInsecureOptionalLog uses a transparency log entry where there is one and
// accepts signatures without: nobody can then learn of a signature made with a
// stolen key. A certificate that has expired still needs an entry or a timestamp
// to prove when it was used. Default: an entry is required.
func WithInsecureOptionalLog() Option {
	return func(v *Verifier) error {
		v.log = logOptional
		return nil
	}
}

// WithInsecureIgnoreLog never looks at the transparency log, not even to learn
// when a certificate was used. Default: an entry is required.
func WithInsecureIgnoreLog() Option {
	return func(v *Verifier) error {
		v.log = logIgnored
		return nil
	}
}

// WithInsecureIgnoreSCT accepts certificates that are in no certificate
// transparency log, for private authorities that keep none. Default: one signed
// certificate timestamp is required.
func WithInsecureIgnoreSCT() Option {
	return func(v *Verifier) error {
		v.ignoreSCT = true
		return nil
	}
}

// WithLimits replaces [DefaultLimits]. A limit of zero or less is refused.
func WithLimits(l Limits) Option {
	return func(v *Verifier) error {
		for name, value := range map[string]int64{
			"attachments": int64(l.Attachments), "annotation bytes": int64(l.AnnotationBytes),
			"payload bytes": int64(l.PayloadBytes), "attestation bytes": int64(l.AttestationBytes),
			"statement values": int64(l.StatementValues), "time": int64(l.Time),
		} {
			if value <= 0 {
				return &ConfigError{Subject: "limits", Reason: fmt.Sprintf("limit of %s is %d", name, value), Hint: "set every limit, starting from the defaults"}
			}
		}
		v.limits = l
		return nil
	}
}

// Limits bound what hostile attachments of one digest can cost.
type Limits struct {
	// Attachments is how many are verified, not counting those that are refused
	// by their form alone.
	Attachments int
	// AnnotationBytes bounds the keys and values of one layer's annotations, in
	// which the classic layout keeps certificate, log entry and timestamp.
	AnnotationBytes int
	// PayloadBytes bounds a simple signing payload.
	PayloadBytes int
	// AttestationBytes bounds a DSSE envelope or a bundle.
	AttestationBytes int
	// StatementValues bounds the JSON values in one statement: a document of many
	// tiny values costs far more memory than its bytes.
	StatementValues int
	// Time bounds one call of Verify.
	Time time.Duration
}

// DefaultLimits leave room for the SBOM of a large image and end within seconds.
func DefaultLimits() Limits {
	return Limits{
		Attachments:      50,
		AnnotationBytes:  256 << 10,
		PayloadBytes:     1 << 20,
		AttestationBytes: 16 << 20,
		StatementValues:  2_000_000,
		Time:             30 * time.Second,
	}
}

// logUse is what becomes of transparency log entries.
type logUse int

const (
	logRequired logUse = iota
	logOptional
	logIgnored
)

// attempts says how to try an attachment, with or without its log entries, the
// stricter way first.
func (u logUse) attempts(logged bool) []bool {
	switch {
	case u == logRequired:
		return []bool{true}
	case u == logOptional && logged:
		return []bool{true, false}
	default:
		return []bool{false}
	}
}
