package signature

import (
	"errors"
	"fmt"
	"time"

	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/oci"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

// readCertificate adds to the proof whom the certificate of a verified layer
// names. It also validates the chain at each proven time: cosign does so only for
// the moment of issue, and misses an authority that expired before its
// certificate was used (CVE-2026-24122).
func (v *Verifier) readCertificate(layer oci.Signature, id *identity, p *proof) error {
	certificate, err := layer.Cert()
	if err != nil {
		return fmt.Errorf("reading the certificate: %w", err)
	}
	if certificate == nil {
		return errors.New("it carries no certificate")
	}
	extensions := cosign.CertExtensions{Cert: certificate}
	p.issuer = extensions.GetIssuer()
	for _, name := range cryptoutils.GetSubjectAlternateNames(certificate) {
		if id.subject.matches(name) {
			p.identity = name
			break
		}
	}
	if p.identity == "" || !id.issuer.matches(p.issuer) {
		return errors.New("the certificate names somebody else")
	}
	// Fulcio may write a subject as an OtherName, which crypto/x509 does not know.
	// Any other critical extension was refused by the verification before.
	certificate.UnhandledCriticalExtensions = nil
	for _, at := range p.times() {
		if _, err := verify.VerifyLeafCertificate(at, certificate, v.root); err != nil {
			return fmt.Errorf("validating the certificate chain at %s: %w", at.Format(time.RFC3339), err)
		}
	}
	return nil
}

// times are those at which the certificate must have been valid: all that are
// proven, and now if there is none.
func (p *proof) times() []time.Time {
	var times []time.Time
	for _, at := range []*time.Time{p.loggedAt, p.signedAt} {
		if at != nil {
			times = append(times, *at)
		}
	}
	if len(times) == 0 {
		times = append(times, time.Now())
	}
	return times
}
