package signature

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
)

// Identity names everything that decides which attachments verify: the signers,
// the trusted root and the options. Two verifiers with the same Identity let the
// same attachments through, so that what one has verified may be remembered for
// the other. It is empty where a key has no form to be named by.
func (v *Verifier) Identity() string {
	type named struct {
		Name, Kind     string
		Keys           [][]byte `json:",omitempty"` // PKIX
		Issuer, Expect []string `json:",omitempty"` // exact value, expression
	}
	var signers []named
	for _, s := range v.signers {
		n := named{Name: s.name, Kind: s.kind}
		for _, by := range s.credentials {
			if by.identity != nil {
				id := by.identity.cosign()
				n.Issuer = append(n.Issuer, id.Issuer, id.IssuerRegExp)
				n.Expect = append(n.Expect, id.Subject, id.SubjectRegExp)
				continue
			}
			public, err := by.key.PublicKey()
			if err != nil {
				return ""
			}
			encoded, err := x509.MarshalPKIXPublicKey(public)
			if err != nil {
				return ""
			}
			n.Keys = append(n.Keys, encoded)
		}
		signers = append(signers, n)
	}
	text, err := json.Marshal([]any{signers, v.rootHash, v.log, v.timestampRequired, v.ignoreSCT})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
