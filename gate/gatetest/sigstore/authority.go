package sigstoretest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	"github.com/google/certificate-transparency-go/x509util"
)

// The extended key usages of an instance's two authorities.
const (
	codeSigning  = x509.ExtKeyUsageCodeSigning
	timeStamping = x509.ExtKeyUsageTimeStamping
)

// The extensions in which Fulcio names the OIDC issuer
// (https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md), that of
// embedded SCTs (RFC 6962 section 3.3), and extended key usage (RFC 5280).
var (
	oidIssuer   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}
	oidIssuerV2 = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}
	oidSCTs     = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}
	oidKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidStamping = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
)

// authority is a root certificate and the intermediate that issues for it.
type authority struct {
	root         *x509.Certificate
	intermediate *x509.Certificate
	key          *Key // of the intermediate
}

func newAuthority(name string, usage x509.ExtKeyUsage, from time.Time) (*authority, error) {
	rootKey, err := NewKey()
	if err != nil {
		return nil, err
	}
	template := authorityTemplate(name, from)
	a := &authority{}
	if a.root, err = certify(template, template, rootKey, rootKey); err != nil {
		return nil, err
	}
	if a.key, err = NewKey(); err != nil {
		return nil, err
	}
	template = authorityTemplate(name+"-intermediate", from)
	template.ExtKeyUsage = []x509.ExtKeyUsage{usage}
	a.intermediate, err = certify(template, a.root, a.key, rootKey)
	return a, err
}

func authorityTemplate(name string, from time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name, Organization: []string{"example.com"}},
		NotBefore: from, NotAfter: from.AddDate(2, 0, 0),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
}

func (a *authority) intermediates() []*x509.Certificate { return []*x509.Certificate{a.intermediate} }

func certify(template, parent *x509.Certificate, holder, issuer *Key) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, holder.private.Public(), issuer.private)
	if err != nil {
		return nil, fmt.Errorf("issuing certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

func serial() *big.Int {
	n := make([]byte, 16)
	_, _ = rand.Read(n) // never fails
	return new(big.Int).SetBytes(n)
}

// Identity signs without a key of its own: with a certificate that the
// instance's authority issues for ten minutes. The subject is an e-mail address
// or a URI, the issuer the URL of whoever vouches for it.
type Identity struct {
	Subject string
	Issuer  string
}

// credential makes an identity a Signer.
func (id Identity) credential(w *World, r request) (*credential, error) {
	key, err := NewKey()
	if err != nil {
		return nil, err
	}
	template, err := id.template(r.issued())
	if err != nil {
		return nil, err
	}
	certificate, err := certify(template, w.authority.intermediate, key, w.authority.key)
	if err != nil {
		return nil, err
	}
	if !r.withoutSCT {
		extension, err := w.logCertificate(certificate, r.issued())
		if err != nil {
			return nil, err
		}
		template.ExtraExtensions = append(template.ExtraExtensions, extension)
		if certificate, err = certify(template, w.authority.intermediate, key, w.authority.key); err != nil {
			return nil, err
		}
	}
	return &credential{
		key: key, certificate: certificate,
		pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}),
	}, nil
}

func (id Identity) template(from time.Time) (*x509.Certificate, error) {
	issuer, err := asn1.MarshalWithParams(id.Issuer, "utf8")
	if err != nil {
		return nil, fmt.Errorf("encoding issuer: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial(), NotBefore: from, NotAfter: from.Add(10 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{codeSigning},
		ExtraExtensions: []pkix.Extension{{Id: oidIssuer, Value: []byte(id.Issuer)}, {Id: oidIssuerV2, Value: issuer}},
	}
	if !strings.Contains(id.Subject, "://") {
		template.EmailAddresses = []string{id.Subject}
		return template, nil
	}
	uri, err := url.Parse(id.Subject)
	if err != nil {
		return nil, fmt.Errorf("reading subject: %w", err)
	}
	template.URIs = []*url.URL{uri}
	return template, nil
}

// logCertificate puts a certificate into the certificate transparency log: the
// extension is a signed certificate timestamp over it as it is without.
func (w *World) logCertificate(certificate *x509.Certificate, at time.Time) (pkix.Extension, error) {
	issuer := sha256.Sum256(w.authority.intermediate.RawSubjectPublicKeyInfo)
	sct := &ct.SignedCertificateTimestamp{
		SCTVersion: ct.V1, LogID: ct.LogID{KeyID: [32]byte(w.ctLog.id())}, Timestamp: uint64(at.UnixMilli()),
	}
	signed, err := ct.SerializeSCTSignatureInput(*sct, ct.LogEntry{Leaf: ct.MerkleTreeLeaf{TimestampedEntry: &ct.TimestampedEntry{
		EntryType:    ct.PrecertLogEntryType,
		PrecertEntry: &ct.PreCert{IssuerKeyHash: issuer, TBSCertificate: certificate.RawTBSCertificate},
	}}})
	if err != nil {
		return pkix.Extension{}, fmt.Errorf("encoding certificate timestamp: %w", err)
	}
	signature, err := tls.CreateSignature(*w.ctLog.private.(*ecdsa.PrivateKey), tls.SHA256, signed)
	if err != nil {
		return pkix.Extension{}, fmt.Errorf("signing certificate timestamp: %w", err)
	}
	sct.Signature = ct.DigitallySigned(signature)
	return sctExtension(sct)
}

func sctExtension(sct *ct.SignedCertificateTimestamp) (pkix.Extension, error) {
	list, err := x509util.MarshalSCTsIntoSCTList([]*ct.SignedCertificateTimestamp{sct})
	if err != nil {
		return pkix.Extension{}, fmt.Errorf("listing certificate timestamps: %w", err)
	}
	encoded, err := tls.Marshal(*list)
	if err != nil {
		return pkix.Extension{}, fmt.Errorf("encoding certificate timestamps: %w", err)
	}
	value, err := asn1.Marshal(encoded)
	return pkix.Extension{Id: oidSCTs, Value: value}, err
}

// chain is the authority's certificates as PEM, its own first.
func (a *authority) chain() string {
	var text strings.Builder
	for _, certificate := range []*x509.Certificate{a.intermediate, a.root} {
		text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
	}
	return text.String()
}
