package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// effective is the policy with everything it extends written out, so that it
// extends nothing any more.
func (p *Policy) effective() *Policy {
	c := p.clone()
	c.Extends = BaseNothing
	return c
}

// YAML is the effective policy as a document: parsing it gives a policy that
// judges the same and has the same Hash.
func (p *Policy) YAML() ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(p.effective()); err != nil {
		return nil, fmt.Errorf("writing policy %s: %w", p.Metadata.Name, err)
	}
	return b.Bytes(), nil
}

// Hash identifies the effective policy: "sha256:" and the digest of its canonical
// form, JSON with the fields in their order here. After Resolve it covers the
// bytes of keys and trust root, before that only their file names.
func (p *Policy) Hash() string {
	data, err := json.Marshal(p.effective())
	if err != nil {
		// Only channels, functions, cycles, NaN and infinity cannot be written, and
		// a policy has no place for them.
		panic(fmt.Errorf("hashing policy %s: %w", p.Metadata.Name, err))
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
