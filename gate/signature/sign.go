package signature

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/payload"

	"github.com/imagegate/imagegate/gate"
)

// SigningKey is a private key that signs images as `cosign sign --key` does
// without a transparency log: nothing is uploaded anywhere, so a verifier has to
// be told not to ask for a log entry.
type SigningKey struct{ signer signature.SignerVerifier }

// OpenKey reads a private key in PEM form: one that cosign generate-key-pair made
// (cosign.key), or an unencrypted one in PKCS #8, SEC 1 or PKCS #1. The password
// is asked for only where the key is encrypted. The error is a *[ConfigError].
//
// Ed25519 keys are refused: whether a signature of one is over the payload or
// over its hash differs between versions of cosign.
func OpenKey(pemKey []byte, password func() ([]byte, error)) (*SigningKey, error) {
	block, _ := pem.Decode(pemKey)
	if block == nil || !strings.Contains(block.Type, "PRIVATE KEY") || len(pemKey) > maxKeyFile {
		return nil, refuseKey("no PEM private key found", "give the key that `cosign generate-key-pair` wrote, cosign.key", nil)
	}
	if block.Type == cosign.CosignPrivateKeyPemType || block.Type == cosign.SigstorePrivateKeyPemType {
		return openEncrypted(pemKey, password)
	}
	private, err := cryptoutils.UnmarshalPEMToPrivateKey(pemKey, nil)
	if err != nil {
		return nil, refuseKey("reading it", "encrypt it as cosign does: cosign import-key-pair --key KEY", err)
	}
	signer, err := signature.LoadDefaultSignerVerifier(private)
	if err != nil {
		return nil, refuseKey("loading it", keyKinds, err)
	}
	return checked(signer)
}

const keyKinds = "use ECDSA P-256, as `cosign generate-key-pair` makes it, or RSA of 2048 bits or more"

func openEncrypted(pemKey []byte, password func() ([]byte, error)) (*SigningKey, error) {
	secret, err := password()
	if err != nil {
		return nil, refuseKey("it is encrypted", "set COSIGN_PASSWORD to its password", err)
	}
	signer, err := cosign.LoadPrivateKey(pemKey, secret, nil)
	if err != nil {
		return nil, refuseKey("opening it", "check the password in COSIGN_PASSWORD", err)
	}
	return checked(signer)
}

// checked refuses a key whose signatures Key would not take.
func checked(signer signature.SignerVerifier) (*SigningKey, error) {
	public, err := signer.PublicKey()
	if err != nil {
		return nil, refuseKey("loading it", keyKinds, err)
	}
	if err := signs(public); err != nil {
		return nil, refuseKey("a key that cannot be used", keyKinds, err)
	}
	return &SigningKey{signer}, nil
}

func signs(public crypto.PublicKey) error {
	switch public.(type) {
	case *ecdsa.PublicKey, *rsa.PublicKey:
		_, err := hashesFor(public)
		return err
	}
	return fmt.Errorf("key of type %T", public)
}

func refuseKey(reason, hint string, err error) error {
	return &ConfigError{Subject: "signing key", Reason: reason, Hint: hint, Err: err}
}

// Sign makes a classic signature of a digest in a repository: a simple signing
// payload for cosign's tag ".sig", the layout in which all versions of cosign
// look where an image has no bundles.
func (k *SigningKey) Sign(repository, digest string) (gate.Attachment, error) {
	image, err := name.NewDigest(repository + "@" + digest)
	if err != nil {
		return gate.Attachment{}, fmt.Errorf("signing %s@%s: %w", repository, digest, err)
	}
	claim, err := payload.Cosign{Image: image}.MarshalJSON()
	if err != nil {
		return gate.Attachment{}, fmt.Errorf("signing %s: %w", image, err)
	}
	signed, err := k.signer.SignMessage(bytes.NewReader(claim))
	if err != nil {
		return gate.Attachment{}, fmt.Errorf("signing %s: %w", image, err)
	}
	return gate.Attachment{
		SubjectDigest: digest, Layout: "tag", Source: "made here",
		MediaType: simpleSigningType, Payload: claim,
		Annotations: map[string]string{static.SignatureAnnotationKey: base64.StdEncoding.EncodeToString(signed)},
	}, nil
}

// Signed says whether an attachment is a classic signature of the digest by this
// key, so that nothing is signed twice.
func (k *SigningKey) Signed(ctx context.Context, a gate.Attachment, digest string) bool {
	if a.MediaType != simpleSigningType {
		return false
	}
	ours, err := contain(ctx, func() (bool, error) {
		hash, err := v1.NewHash(digest)
		if err != nil {
			return false, err
		}
		c, err := open(a, hash, DefaultLimits())
		return err == nil && c.madeWith(k.signer), err
	})
	return err == nil && ours
}
