package sigstoretest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore/pkg/signature"
)

// Key is a key pair that signs with SHA-256, as cosign does.
type Key struct {
	private crypto.Signer
	der     []byte // the public key, PKIX
}

// NewKey makes a key pair as cosign generate-key-pair does: ECDSA on P-256.
func NewKey() (*Key, error) {
	return NewECDSAKey(elliptic.P256())
}

// NewECDSAKey makes an ECDSA key pair.
func NewECDSAKey(curve elliptic.Curve) (*Key, error) {
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating ECDSA key: %w", err)
	}
	return keyOf(private)
}

// NewRSAKey makes an RSA key pair of so many bits.
func NewRSAKey(bits int) (*Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, fmt.Errorf("generating RSA key: %w", err)
	}
	return keyOf(private)
}

// NewEd25519Key makes an Ed25519 key pair.
func NewEd25519Key() (*Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating Ed25519 key: %w", err)
	}
	return keyOf(private)
}

func keyOf(private crypto.Signer) (*Key, error) {
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return nil, fmt.Errorf("encoding public key: %w", err)
	}
	return &Key{private: private, der: der}, nil
}

// PublicPEM is the public key as cosign writes cosign.pub.
func (k *Key) PublicPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.der})
}

// PrivatePEM is the private key, unencrypted (PKCS #8).
func (k *Key) PrivatePEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("encoding private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// EncryptedPEM is the private key as cosign writes cosign.key.
func (k *Key) EncryptedPEM(password string) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("encoding private key: %w", err)
	}
	sealed, err := encrypted.Encrypt(der, []byte(password))
	if err != nil {
		return nil, fmt.Errorf("encrypting private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: sealed}), nil
}

// id is the hash of the public key: what names a log, and hints at a key.
func (k *Key) id() []byte {
	sum := sha256.Sum256(k.der)
	return sum[:]
}

func (k *Key) hint() string { return base64.StdEncoding.EncodeToString(k.id()) }

func (k *Key) sign(message []byte) ([]byte, error) {
	signer, err := signature.LoadSigner(k.private, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("loading key: %w", err)
	}
	return signer.SignMessage(bytes.NewReader(message))
}

// credential makes a key a Signer.
func (k *Key) credential(*World, request) (*credential, error) {
	return &credential{key: k, pem: k.PublicPEM()}, nil
}
