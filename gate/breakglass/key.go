package breakglass

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// maxKeyFile is more than any PEM file of one such key has.
const maxKeyFile = 16 << 10

// SigningKey is a private key that signs tokens.
type SigningKey struct {
	private    crypto.Signer
	algorithm  jose.SignatureAlgorithm
	thumbprint string
}

// PublicKey is a key whose tokens a [Verifier] believes.
type PublicKey struct {
	public     crypto.PublicKey
	algorithm  jose.SignatureAlgorithm
	thumbprint string
}

// Thumbprint names the key (RFC 7638, SHA-256, base64url): in grants and logs.
func (k PublicKey) Thumbprint() string { return k.thumbprint }

// GenerateKey makes an Ed25519 key pair in PEM: PKCS #8, not encrypted, and PKIX.
func GenerateKey() (private, public []byte, err error) {
	publicKey, privateKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, &KeyError{"making one", err}
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(privateKey)
	if err != nil {
		return nil, nil, &KeyError{"writing it", err}
	}
	publicDER, err := x509.MarshalPKIXPublicKey(publicKey)
	if err != nil {
		return nil, nil, &KeyError{"writing it", err}
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateDER}),
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER}), nil
}

// ParseSigningKey reads a private key in PEM and PKCS #8: Ed25519 or ECDSA P-256.
// The error is a *[KeyError].
func ParseSigningKey(text []byte) (SigningKey, error) {
	der, err := decode(text, "PRIVATE KEY")
	if err != nil {
		return SigningKey{}, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return SigningKey{}, &KeyError{"reading it", err}
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return SigningKey{}, &KeyError{fmt.Sprintf("a %T does not sign", key), nil}
	}
	public, err := newPublicKey(signer.Public())
	if err != nil {
		return SigningKey{}, err
	}
	return SigningKey{signer, public.algorithm, public.thumbprint}, nil
}

// ParsePublicKey reads a public key in PEM and PKIX: Ed25519 or ECDSA P-256. The
// error is a *[KeyError].
func ParsePublicKey(text []byte) (PublicKey, error) {
	der, err := decode(text, "PUBLIC KEY")
	if err != nil {
		return PublicKey{}, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return PublicKey{}, &KeyError{"reading it", err}
	}
	return newPublicKey(key)
}

func decode(text []byte, kind string) ([]byte, error) {
	if len(text) > maxKeyFile {
		return nil, &KeyError{fmt.Sprintf("%d bytes are too many for one", len(text)), nil}
	}
	block, _ := pem.Decode(text)
	switch {
	case block == nil:
		return nil, &KeyError{"no PEM found", nil}
	case block.Type != kind:
		return nil, &KeyError{fmt.Sprintf("it is a %s, not a %s", excerpt(block.Type), kind), nil}
	}
	return block.Bytes, nil
}

// newPublicKey ties a key to the one algorithm that it is used with.
func newPublicKey(key crypto.PublicKey) (PublicKey, error) {
	var algorithm jose.SignatureAlgorithm
	switch key := key.(type) {
	case ed25519.PublicKey:
		algorithm = jose.EdDSA
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return PublicKey{}, &KeyError{"an ECDSA key must be on the curve P-256", nil}
		}
		algorithm = jose.ES256
	default:
		return PublicKey{}, &KeyError{fmt.Sprintf("it is a %T, neither Ed25519 nor ECDSA P-256", key), nil}
	}
	sum, err := (&jose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		return PublicKey{}, &KeyError{"naming it", err}
	}
	return PublicKey{key, algorithm, base64.RawURLEncoding.EncodeToString(sum)}, nil
}
