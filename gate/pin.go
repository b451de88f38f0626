package gate

import (
	"context"
	"errors"
	"fmt"
)

// Pin says which digest a reference means now, and judges nothing. The error is a
// *ReferenceError where the reference names nothing.
func (g *Gate) Pin(ctx context.Context, reference string) (digest string, err error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			digest, err = "", fmt.Errorf("resolving %s: internal error: %v", reference, r)
		}
	}()
	subject, err := g.engines.Images.Resolve(ctx, reference)
	if err != nil {
		return "", err
	}
	if digest = subject.Digest(); digest == "" {
		return "", errors.New("the reference has no digest")
	}
	return digest, nil
}
