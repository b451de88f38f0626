package policy

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// twinOf is the signer among others that is the same key or identity under another
// name, or nil. One signature of it would count as two: "two of three must sign"
// would be one.
func twinOf(s Signer, others []Signer) *Signer {
	for i, other := range others {
		sameKey := s.Key != nil && other.Key != nil && s.Key.same(*other.Key)
		sameIdentity := s.Keyless != nil && other.Keyless != nil && *s.Keyless == *other.Keyless && *s.Keyless != Keyless{}
		if sameKey || sameIdentity {
			return &others[i]
		}
	}
	return nil
}

func sameAs(twin Signer) string {
	what := "identity"
	if twin.Key != nil {
		what = "key"
	}
	return fmt.Sprintf("is the same %s as signer %q: its signature would count twice, so keep one of them", what, shortened(twin.Name))
}

// same compares keys by what they are, however they are written; of keys that are
// still files only the names are known.
func (k Key) same(other Key) bool {
	if k.Data == "" || other.Data == "" {
		return k == other && k != Key{}
	}
	return bytes.Equal(publicKey(k.Data), publicKey(other.Data))
}

// publicKey is a key in PEM as SubjectPublicKeyInfo (RFC 5280, 4.1.2.7); of one that
// cannot be read what is there.
func publicKey(text string) []byte {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return []byte(text)
	}
	if key, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
		if same, err := x509.MarshalPKIXPublicKey(key); err == nil {
			return same
		}
	}
	return block.Bytes
}
