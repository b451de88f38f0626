package signature

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

// The kinds of signers, as they appear in evidence.
const (
	kindKey     = "key"
	kindKeyless = "keyless"
)

// Bounds of a key file.
const (
	maxKeyFile = 1 << 20 // bytes
	maxKeys    = 64
	minRSABits = 2048
	maxRSABits = 16384
)

// Signer is somebody whose signature counts, under the name the policy has for
// them. It is made by [Key] or [Keyless]; the zero Signer is refused by [New].
type Signer struct {
	name        string
	kind        string
	credentials []credential
}

// Name is the policy's name for the signer.
func (s Signer) Name() string { return s.name }

// credential is one way to recognise a signer: exactly one of its fields is set.
type credential struct {
	key      signature.Verifier
	identity *identity
}

// Key makes a signer of one or several PEM public keys ("PUBLIC KEY" as cosign
// writes cosign.pub, or "RSA PUBLIC KEY"): ECDSA on a NIST curve, RSA (PKCS #1
// v1.5) or Ed25519, hashed with SHA-256 as cosign does. Any of the keys will do:
// together they are one signer. The error is a *[ConfigError].
func Key(name string, pemKeys []byte) (Signer, error) {
	s := Signer{name: name, kind: kindKey}
	if name == "" {
		return Signer{}, unnamed(kindKey)
	}
	if len(pemKeys) > maxKeyFile {
		return Signer{}, s.refuse(fmt.Sprintf("key file is larger than %d bytes", maxKeyFile), keyHint, nil)
	}
	rest := pemKeys
	for range maxKeys {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		credentials, err := s.keyCredentials(block)
		if err != nil {
			return Signer{}, err
		}
		s.credentials = append(s.credentials, credentials...)
	}
	switch {
	case len(s.credentials) == 0:
		return Signer{}, s.refuse("no PEM public key found", keyHint, nil)
	case len(bytes.TrimSpace(rest)) > 0:
		return Signer{}, s.refuse(fmt.Sprintf("unreadable text after a key, or more than %d keys", maxKeys), keyHint, nil)
	}
	return s, nil
}

const keyHint = "give the public key in PEM form, as in cosign.pub"

func (s Signer) keyCredentials(block *pem.Block) ([]credential, error) {
	if strings.Contains(block.Type, "PRIVATE") {
		return nil, s.refuse("this is a private key", "keep it secret and give the public one: cosign public-key --key KEY", nil)
	}
	public, err := cryptoutils.UnmarshalPEMToPublicKey(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
	if err != nil {
		return nil, s.refuse("reading public key", keyHint, err)
	}
	hashes, err := hashesFor(public)
	if err != nil {
		return nil, s.refuse("weak or unknown public key", "use ECDSA P-256, RSA of 2048 bits or more, or Ed25519", err)
	}
	var credentials []credential
	for _, hash := range hashes {
		verifier, err := signature.LoadVerifier(public, hash)
		if err != nil {
			return nil, s.refuse("loading public key", keyHint, err)
		}
		credentials = append(credentials, credential{key: verifier})
	}
	return credentials, nil
}

// hashesFor names the hashes with which signatures of a key are made. Cosign
// uses SHA-256 with every key; the Sigstore clients that came later use the
// curve's own hash.
func hashesFor(public crypto.PublicKey) ([]crypto.Hash, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return nil, fmt.Errorf("RSA key of %d bits", bits)
		}
		return []crypto.Hash{crypto.SHA256}, nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return []crypto.Hash{crypto.SHA256}, nil
		case elliptic.P384():
			return []crypto.Hash{crypto.SHA256, crypto.SHA384}, nil
		case elliptic.P521():
			return []crypto.Hash{crypto.SHA256, crypto.SHA512}, nil
		}
		return nil, fmt.Errorf("ECDSA key on curve %s", key.Curve.Params().Name)
	case ed25519.PublicKey:
		return []crypto.Hash{crypto.SHA512}, nil
	default:
		return nil, fmt.Errorf("key of type %T", public)
	}
}

// Keyless makes a signer of a certificate identity, issued by the trusted root's
// certificate authority. An identity that leaves issuer or subject open is
// refused. The error is a *[ConfigError].
func Keyless(name string, id Identity) (Signer, error) {
	s := Signer{name: name, kind: kindKeyless}
	if name == "" {
		return Signer{}, unnamed(kindKeyless)
	}
	compiled, err := compileIdentity(id)
	if err != nil {
		return Signer{}, s.refuse("unusable identity", "name one issuer and one subject, exactly or by an expression that only they match", err)
	}
	s.credentials = []credential{{identity: compiled}}
	return s, nil
}

func (s Signer) refuse(reason, hint string, err error) error {
	return &ConfigError{Subject: fmt.Sprintf("signer %q", s.name), Reason: reason, Hint: hint, Err: err}
}

func unnamed(kind string) error {
	return &ConfigError{Subject: kind + " signer", Reason: "no name", Hint: "name each signer, so that a threshold can count them"}
}
