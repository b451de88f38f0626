package sigstoretest

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// Hosts of the services. Nobody connects to them.
const (
	fulcioURL = "https://fulcio.example.com"
	ctLogURL  = "https://ctlog.example.com"
	rekorHost = "rekor.example.com"
	tsaURL    = "https://timestamp.example.com"
)

// World is one Sigstore instance. It is safe for concurrent use.
type World struct {
	authority *authority // issues code signing certificates
	ctLog     *Key
	rekor     *Key
	timestamp *authority // issues the timestamper's certificate
	stamper   *stamper
	born      time.Time

	trustedRoot []byte
}

// New makes an instance with fresh keys, valid from a year ago for two years.
func New() (*World, error) {
	w := &World{born: time.Now().AddDate(-1, 0, 0).Truncate(time.Second)}
	var err error
	if w.authority, err = newAuthority("sigstore", codeSigning, w.born); err != nil {
		return nil, err
	}
	if w.timestamp, err = newAuthority("timestamp", timeStamping, w.born); err != nil {
		return nil, err
	}
	if w.stamper, err = w.timestamp.newStamper(w.born); err != nil {
		return nil, err
	}
	for _, log := range []**Key{&w.ctLog, &w.rekor} {
		if *log, err = NewKey(); err != nil {
			return nil, err
		}
	}
	w.trustedRoot, err = w.describe()
	return w, err
}

// TrustedRoot is the instance's trusted_root.json.
func (w *World) TrustedRoot() []byte { return append([]byte(nil), w.trustedRoot...) }

func (w *World) describe() ([]byte, error) {
	rekor, ctLog := w.logEntry(w.rekor, "https://"+rekorHost), w.logEntry(w.ctLog, ctLogURL)
	trusted, err := root.NewTrustedRoot(root.TrustedRootMediaType01,
		[]root.CertificateAuthority{&root.FulcioCertificateAuthority{
			Root: w.authority.root, Intermediates: w.authority.intermediates(), ValidityPeriodStart: w.born, URI: fulcioURL,
		}},
		map[string]*root.TransparencyLog{hex.EncodeToString(ctLog.ID): ctLog},
		[]root.TimestampingAuthority{&root.SigstoreTimestampingAuthority{
			Root: w.timestamp.root, Intermediates: w.timestamp.intermediates(), Leaf: w.stamper.certificate,
			ValidityPeriodStart: w.born, URI: tsaURL,
		}},
		map[string]*root.TransparencyLog{hex.EncodeToString(rekor.ID): rekor},
	)
	if err != nil {
		return nil, fmt.Errorf("making the trusted root: %w", err)
	}
	return trusted.MarshalJSON()
}

func (w *World) logEntry(key *Key, url string) *root.TransparencyLog {
	return &root.TransparencyLog{
		BaseURL: url, ID: key.id(), ValidityPeriodStart: w.born,
		HashFunc: crypto.SHA256, SignatureHashFunc: crypto.SHA256,
		PublicKey: key.private.Public().(*ecdsa.PublicKey),
	}
}
