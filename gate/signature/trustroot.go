package signature

import (
	"crypto/sha256"
	_ "embed" // the public-good root
	"encoding/hex"
	"fmt"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// publicGood is targets/trusted_root.json of the TUF repository of Sigstore's
// public-good instance (https://github.com/sigstore/root-signing, Apache-2.0), as
// embedded in github.com/sigstore/sigstore v1.10.11 to v1.11.3. It knows Fulcio,
// both certificate transparency logs, Rekor v1 and the timestamp authority. To
// follow a rotation of keys, replace the file.
//
//go:embed trusted_root.json
var publicGood []byte

// maxTrustedRoot bounds a trusted root, in bytes.
const maxTrustedRoot = 4 << 20

// PublicGoodRoot is the trusted_root.json of Sigstore's public-good instance that
// is built in: it needs no network, and is as fresh as this program.
func PublicGoodRoot() []byte { return append([]byte(nil), publicGood...) }

// TrustRootHash identifies the trusted root that the verifier believes in:
// "sha256:" and the hash of its bytes.
func (v *Verifier) TrustRootHash() string { return v.rootHash }

func (v *Verifier) trust(trustedRoot []byte) error {
	if len(trustedRoot) > maxTrustedRoot {
		return badRoot(fmt.Errorf("larger than %d bytes", maxTrustedRoot))
	}
	parsed, err := root.NewTrustedRootFromJSON(trustedRoot)
	if err != nil {
		return badRoot(err)
	}
	sum := sha256.Sum256(trustedRoot)
	v.root, v.rootHash = parsed, "sha256:"+hex.EncodeToString(sum[:])
	return nil
}

func badRoot(err error) error {
	return &ConfigError{
		Subject: "trusted root", Reason: "reading trusted_root.json", Err: err,
		Hint: "give the trusted_root.json of your Sigstore instance, or none for the public-good one",
	}
}
