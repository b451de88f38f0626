package policy

import (
	"fmt"
	"slices"

	"github.com/imagegate/imagegate/policy/vex"
)

// Read returns the content of a file that a policy names. The policy leaves to
// it what a relative name is relative to, and how much it reads.
type Read func(name string) ([]byte, error)

// Resolve returns the policy with the content of every file that it names in
// place of the name, so that it can be stored, hashed and used without a file
// system. The error names the signer or the field.
func (p *Policy) Resolve(read Read) (*Policy, error) {
	resolved := p.clone()
	for i, signer := range resolved.Signatures.Signers {
		if signer.Key == nil || signer.Key.File == "" {
			continue
		}
		data, err := read(signer.Key.File)
		if err != nil {
			return nil, fmt.Errorf("reading the key of signer %q: %w", signer.Name, err)
		}
		if err := CheckPublicKey(data); err != nil {
			return nil, fmt.Errorf("reading the key of signer %q: %s %w", signer.Name, signer.Key.File, err)
		}
		resolved.Signatures.Signers[i].Key = &Key{Data: string(data)}
		if twin := twinOf(resolved.Signatures.Signers[i], resolved.Signatures.Signers[:i]); twin != nil {
			return nil, fmt.Errorf("reading the key of signer %q: %s %s", signer.Name, signer.Key.File, sameAs(*twin))
		}
	}
	if err := resolved.resolveVEX(read); err != nil {
		return nil, err
	}
	if err := resolved.resolveBases(read); err != nil {
		return nil, err
	}
	if root := resolved.Signatures.TrustRoot; root != nil && root.File != "" {
		data, err := read(root.File)
		if err != nil {
			return nil, fmt.Errorf("reading the trust root: %w", err)
		}
		resolved.Signatures.TrustRoot = &TrustRoot{Data: string(data)}
	}
	return resolved, nil
}

// resolveVEX reads the VEX documents, and refuses one that it cannot read: it may
// say that an image is affected.
func (p *Policy) resolveVEX(read Read) error {
	p.VEX.Documents = slices.Clone(p.VEX.Documents)
	for i, d := range p.VEX.Documents {
		if d.File == "" {
			continue
		}
		data, err := read(d.File)
		if err != nil {
			return fmt.Errorf("reading a VEX document: %w", err)
		}
		if _, err := vex.Parse(data); err != nil {
			return fmt.Errorf("reading the VEX document %s: %w", d.File, err)
		}
		p.VEX.Documents[i] = VEXDocument{Data: string(data)}
	}
	p.readVEX(func(string, string, ...any) {}) // every one of them was parsed before
	return nil
}

// clone is deep enough for the methods above, which replace and never change
// what is behind a pointer.
func (p *Policy) clone() *Policy {
	c := *p
	c.Signatures.Signers = slices.Clone(p.Signatures.Signers)
	return &c
}
