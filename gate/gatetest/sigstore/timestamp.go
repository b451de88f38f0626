package sigstoretest

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"time"

	"github.com/digitorus/timestamp"
)

// stamper signs RFC 3161 timestamps.
type stamper struct {
	certificate *x509.Certificate
	key         *Key
}

func (a *authority) newStamper(from time.Time) (*stamper, error) {
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{oidStamping})
	if err != nil {
		return nil, fmt.Errorf("encoding key usage: %w", err)
	}
	s := &stamper{}
	if s.key, err = NewKey(); err != nil {
		return nil, err
	}
	s.certificate, err = certify(&x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "timestamp"},
		NotBefore: from, NotAfter: from.AddDate(2, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
		// RFC 3161 section 2.3 demands the usage to be critical.
		ExtraExtensions: []pkix.Extension{{Id: oidKeyUsage, Critical: true, Value: usage}},
	}, a.intermediate, s.key, a.key)
	return s, err
}

// stamp makes a timestamp response over data.
func (s *stamper) stamp(data []byte, at time.Time) ([]byte, error) {
	query, err := timestamp.CreateRequest(bytes.NewReader(data), &timestamp.RequestOptions{Hash: crypto.SHA256})
	if err != nil {
		return nil, fmt.Errorf("asking for a timestamp: %w", err)
	}
	request, err := timestamp.ParseRequest(query)
	if err != nil {
		return nil, fmt.Errorf("reading the question for a timestamp: %w", err)
	}
	answer := timestamp.Timestamp{
		HashAlgorithm: request.HashAlgorithm, HashedMessage: request.HashedMessage,
		Time: at, Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2}, SerialNumber: serial(),
	}
	return answer.CreateResponseWithOpts(s.certificate, s.key.private, crypto.SHA256)
}
