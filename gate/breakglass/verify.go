package breakglass

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// skew is how far the clock of the machine that signed may be ahead. The end of
// a token has no such grace.
const skew = time.Minute

// maxKeys bounds the work that one token can cause: enough for owners who each
// have a key, and for rotation.
const maxKeys = 16

// Verifier tells grants from other text. Its keys are fixed when it is built; it
// is safe for concurrent use.
type Verifier struct {
	keys        []PublicKey
	algorithms  []jose.SignatureAlgorithm
	maxLifetime time.Duration
}

// Option changes what a Verifier accepts.
type Option func(*Verifier) error

// WithMaxLifetime is how long a token may live from its issue to its end.
// Default DefaultMaxLifetime.
func WithMaxLifetime(d time.Duration) Option {
	return func(v *Verifier) error {
		if d <= 0 {
			return errors.New("the lifetime of break-glass tokens must be positive")
		}
		v.maxLifetime = d
		return nil
	}
}

// NewVerifier believes tokens that one of these keys signed. It needs at least
// one: without a key there is no glass to break.
func NewVerifier(keys []PublicKey, options ...Option) (*Verifier, error) {
	if len(keys) == 0 || len(keys) > maxKeys {
		return nil, &KeyError{fmt.Sprintf("%d given, 1 to %d are needed", len(keys), maxKeys), nil}
	}
	v := &Verifier{keys: slices.Clone(keys), maxLifetime: DefaultMaxLifetime}
	for _, key := range keys {
		if key.public == nil {
			return nil, &KeyError{"an empty one given", nil}
		}
		if !slices.Contains(v.algorithms, key.algorithm) {
			v.algorithms = append(v.algorithms, key.algorithm)
		}
	}
	for _, option := range options {
		if err := option(v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// Verify returns the grant that a token is, at a time. The error is an *[Error];
// with an error there is no grant, not even a part of one. For what the grant
// is good is [Grant.Permits]'s to say.
func (v *Verifier) Verify(token string, now time.Time) (Grant, error) {
	token = strings.TrimSpace(token)
	if len(token) > maxToken {
		return Grant{}, refuse(Malformed, "it has %d bytes, at most %d are allowed", len(token), maxToken)
	}
	// No algorithm but those of the keys parses.
	parsed, err := jwt.ParseSigned(token, v.algorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return Grant{}, refuse(Malformed, "it is no token: three parts with dots between them, signed with %v", v.algorithms)
	}
	if parsed.Headers[0].ExtraHeaders[jose.HeaderType] != tokenType {
		return Grant{}, refuse(WrongAudience, "it was not made to break glass: its type is not %s", tokenType)
	}
	// Nothing is believed before the signature.
	verified, key, err := v.verified(parsed)
	if err != nil {
		return Grant{}, err
	}
	grant, err := verified.grant(key, v.maxLifetime)
	if err != nil {
		return Grant{}, err
	}
	if err := verified.alive(now); err != nil {
		return Grant{}, err
	}
	return grant, nil
}

// verified are the claims of a token that one of the keys signed.
func (v *Verifier) verified(token *jwt.JSONWebToken) (claims, PublicKey, error) {
	for _, key := range v.keys {
		// A key verifies only with its own algorithm.
		if token.Headers[0].Algorithm != string(key.algorithm) {
			continue
		}
		var content claims
		var all map[string]any
		err := token.Claims(key.public, &content, &all)
		if errors.Is(err, jose.ErrCryptoFailure) {
			continue
		}
		if err != nil {
			return claims{}, PublicKey{}, refuse(Malformed, "its claims cannot be read")
		}
		for name := range all {
			if !known[name] {
				return claims{}, PublicKey{}, refuse(Malformed, "it has the unknown claim %s", excerpt(name))
			}
		}
		return content, key, nil
	}
	return claims{}, PublicKey{}, refuse(UnknownKey, "none of the %d keys that are believed signed it", len(v.keys))
}

// alive holds the claims to the audience and the time. The library's own check
// takes the zero time for the present, which nothing here may.
func (c claims) alive(now time.Time) error {
	soon := now.Add(skew)
	switch {
	case !c.Audience.Contains(audience):
		return refuse(WrongAudience, "it was not made to break glass: its audience is not %s", audience)
	case !c.Expiry.Time().After(now):
		return refuse(Expired, "it expired at %s", c.Expiry.Time().UTC().Format(time.RFC3339))
	case c.IssuedAt.Time().After(soon), c.NotBefore != nil && c.NotBefore.Time().After(soon):
		return refuse(NotYetValid, "it begins in the future")
	}
	return nil
}
