package breakglass

import (
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// What makes a token one of ours, and of this version.
const (
	audience  = "imagegate.dev/breakglass"
	tokenType = "imagegate-breakglass+jwt"
	// maxToken is more than the longest grant needs, in bytes.
	maxToken = 8 << 10
)

// claims are the body of a token. The registered ones mean what RFC 7519 says;
// sub is the owner and jti the id.
type claims struct {
	jwt.Claims
	Digests   []string `json:"digests"`
	Namespace string   `json:"namespace"`
	Reason    string   `json:"reason"`
}

// known are the claims that may occur; another one could be a restriction.
var known = map[string]bool{
	"aud": true, "exp": true, "iat": true, "jti": true, "nbf": true, "sub": true,
	"digests": true, "namespace": true, "reason": true,
}

// Sign makes the token of a grant. It holds the grant to the bounds that a Verifier
// holds it to, with the longest lifetime that is allowed here. The error is an
// *[Error] where the grant is at fault.
func (k SigningKey) Sign(g Grant, maxLifetime time.Duration) (string, error) {
	if err := g.check(maxLifetime); err != nil {
		return "", err
	}
	options := (&jose.SignerOptions{}).WithType(tokenType).WithHeader("kid", k.thumbprint)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: k.algorithm, Key: k.private}, options)
	if err != nil {
		return "", &KeyError{"preparing to sign", err}
	}
	token, err := jwt.Signed(signer).Claims(claims{
		Claims: jwt.Claims{
			ID: g.ID, Subject: g.Owner, Audience: jwt.Audience{audience},
			IssuedAt: jwt.NewNumericDate(g.Issued), NotBefore: jwt.NewNumericDate(g.Issued), Expiry: jwt.NewNumericDate(g.Expires),
		},
		Digests: g.Digests, Namespace: g.Namespace, Reason: g.Reason,
	}).Serialize()
	if err != nil {
		return "", &KeyError{"signing", err}
	}
	return token, nil
}

// grant is what verified claims say, whole and within bounds.
func (c claims) grant(key PublicKey, maxLifetime time.Duration) (Grant, error) {
	if c.IssuedAt == nil || c.Expiry == nil {
		return Grant{}, refuse(Malformed, "it does not say when it was issued and when it ends")
	}
	g := Grant{
		ID: c.ID, Digests: c.Digests, Namespace: c.Namespace, Owner: c.Subject, Reason: c.Reason,
		Issued: c.IssuedAt.Time(), Expires: c.Expiry.Time(), Key: key.thumbprint,
	}
	return g, g.check(maxLifetime)
}
